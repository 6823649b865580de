#include "engine/admin/control_socket.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ControlSocketTest : public ::testing::Test {
 protected:
  std::string path() const { return directory_.Path("control.sock"); }
  mode_t Mode() const {
    struct stat info = {};
    EXPECT_EQ(stat(path().c_str(), &info), 0);
    return info.st_mode;
  }
  const TemporaryDirectory directory_;
};

TEST_F(ControlSocketTest, HasItsModeWhateverTheUmask) {
  const mode_t before = umask(0077);
  const auto socket = ControlSocket::Listen({.path = path(), .mode = 0660});
  umask(before);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(Mode(), static_cast<mode_t>(S_IFSOCK | 0660));
  const int fd = ConnectTo(path());
  EXPECT_GE(fd, 0);
  close(fd);
}

TEST_F(ControlSocketTest, LeavesNoOtherFileBehind) {
  {
    const auto socket = ControlSocket::Listen({.path = path()});
    ASSERT_TRUE(socket.ok());
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.Path("")), {}), 1);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.Path("")));
}

TEST_F(ControlSocketTest, WhereADaemonAnswersNothingIsTouched) {
  const auto first = ControlSocket::Listen({.path = path()});
  ASSERT_TRUE(first.ok());
  const auto second = ControlSocket::Listen({.path = path()});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(second.status().message(),
              AllOf(HasSubstr("--control_socket"), HasSubstr(path()), HasSubstr("stop it")));
  const int fd = ConnectTo(path());
  EXPECT_GE(fd, 0);
  close(fd);
}

TEST_F(ControlSocketTest, WhatADeadDaemonLeftIsReplaced) {
  {
    auto dead = ControlSocket::Listen({.path = path()});
    ASSERT_TRUE(dead.ok());
    close((*dead)->TakeFd());
    // As after a crash: nobody removes the file.
    ASSERT_EQ(rename(path().c_str(), directory_.Path("kept").c_str()), 0);
  }
  ASSERT_EQ(rename(directory_.Path("kept").c_str(), path().c_str()), 0);
  const auto next = ControlSocket::Listen({.path = path()});
  ASSERT_TRUE(next.ok()) << next.status();
  const int fd = ConnectTo(path());
  EXPECT_GE(fd, 0);
  close(fd);
}

TEST_F(ControlSocketTest, AnotherSocketInItsPlaceStays) {
  auto first = ControlSocket::Listen({.path = path()});
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(unlink(path().c_str()), 0);
  const auto second = ControlSocket::Listen({.path = path()});
  ASSERT_TRUE(second.ok());
  first->reset();
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(ControlSocketTest, FilesThatAreNoSocketsAreLeftAlone) {
  std::ofstream(path()) << "precious";
  const auto socket = ControlSocket::Listen({.path = path()});
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(socket.status().message(), HasSubstr("is no socket"));
  EXPECT_EQ(std::filesystem::file_size(path()), 8u);
}

TEST_F(ControlSocketTest, SaysWhatIsWrongWithAPath) {
  const auto in_missing = ControlSocket::Listen({.path = directory_.Path("no/such.sock")});
  EXPECT_THAT(in_missing.status().message(), HasSubstr("the directory of"));
  const auto too_long = ControlSocket::Listen({.path = directory_.Path(std::string(200, 'x'))});
  EXPECT_THAT(too_long.status().message(), HasSubstr("1 to 107"));
  const auto no_group = ControlSocket::Listen({.path = path(), .group = "no-such-group"});
  EXPECT_EQ(no_group.status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ControlSocketTest, BelongsToTheGroupThatIsNamed) {
  const struct group* const own = getgrgid(getegid());
  ASSERT_NE(own, nullptr);
  const auto socket = ControlSocket::Listen({.path = path(), .group = own->gr_name});
  ASSERT_TRUE(socket.ok()) << socket.status();
  struct stat info = {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, getegid());
}

TEST_F(ControlSocketTest, KnowsWhoIsAtTheOtherEnd) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const struct passwd* const own = getpwuid(geteuid());
  EXPECT_EQ(PeerName(pair[0]), own != nullptr ? own->pw_name : "uid " + std::to_string(geteuid()));
  close(pair[0]);
  close(pair[1]);
}

}  // namespace
}  // namespace sluice::admin
