// sluicectl as a program, against a server: what it prints, and its exit codes.
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

class SluicectlTest : public ServerFixture {
 protected:
  // sluicectl has the machine's clock, so the examples lie around its now.
  SluicectlTest() : now_(absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()))) {}
  void SetUp() override {
    Start({});
    FillWithExamples(now_, control_);
  }

  std::string File(const std::string& name, const std::string& content) const {
    const std::string path = directory_.Path(name);
    std::ofstream(path) << content;
    return path;
  }

  pid_t Spawn(std::vector<std::string> words, const std::string& out_path,
              const std::string& err_path) const {
    words.insert(words.begin(), SLUICECTL);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string variable = "SLUICE_CONTROL_SOCKET=" + socket();
    char* environment[] = {variable.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    pid_t child = -1;
    EXPECT_EQ(posix_spawn(&child, SLUICECTL, &actions, nullptr, arguments.data(), environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }

  static std::string Content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Outcome Ctl(const std::vector<std::string>& words) const {
    const std::string out = directory_.Path("out");
    const std::string err = directory_.Path("err");
    const pid_t child = Spawn(words, out, err);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Content(out), Content(err)};
  }

  // Golden text: "{-150m}" stands for the time 150 minutes before now, as sluicectl prints it.
  std::string Filled(std::string golden) const {
    std::string filled;
    size_t from = 0;
    for (size_t open; (open = golden.find('{', from)) != std::string::npos;) {
      const size_t close = golden.find('}', open);
      absl::Duration span;
      EXPECT_TRUE(absl::ParseDuration(golden.substr(open + 1, close - open - 1), &span));
      absl::StrAppend(&filled, golden.substr(from, open - from),
                      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now_ + span, absl::UTCTimeZone()));
      from = close + 1;
    }
    return filled + golden.substr(from);
  }

  void ExpectGolden(const std::vector<std::string>& words, const std::string& golden,
                    int code = 0) const {
    const Outcome run = Ctl(words);
    EXPECT_EQ(run.out, Filled(golden));
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(run.code, code);
  }

  const absl::Time now_;
};

TEST_F(SluicectlTest, ListsTheDomains) {
  ExpectGolden(
      {"domains", "list"},
      R"(PATTERN        DIRECTION  MODE     LEVEL    TLS   LAST PING  CHECKED AGAINST              NOTE
*.example.com  both       enforce  verify   1.2+  never      mx.example.net .example.org
d.example      both       enforce  encrypt  1.2+  never                                   asked for by "J."
2 entries
)");
  ExpectGolden(
      {"domains", "list", "--limit=1"},
      R"(PATTERN        DIRECTION  MODE     LEVEL   TLS   LAST PING  CHECKED AGAINST              NOTE
*.example.com  both       enforce  verify  1.2+  never      mx.example.net .example.org
1 of 2 entries; --limit=N shows more
)");
}

TEST_F(SluicectlTest, ListsShowsAndSendsTlsReports) {
  ExpectGolden({"tlsrpt", "list"},
               R"(DOMAIN     DAY         AS ASKED  FAILED  SENT    LAST ERROR
d.example  2026-04-01  3         1       in 38m  https://d.example/: status 500
1 of 2; 'sluicectl tlsrpt show DOMAIN' shows a report as it would be sent
)");
  const Outcome shown = Ctl({"tlsrpt", "show", "d.example"});
  EXPECT_EQ(json::parse(shown.out)["organization-name"], "Example");
  ExpectGolden({"tlsrpt", "send", "d.example", "--day=2026-04-01"},
               absl::StrCat("sent to mailto:tls@d.example as report 12ab@gw.example.net\n"
                            "it is message ",
                            WaitingId().ToString(), " of the queue\n"));
  EXPECT_THAT(control_.Calls(), Contains("tlsrpt send d.example 2026-04-01"));
  control_.tls_report.clear();
  EXPECT_EQ(Ctl({"tlsrpt", "show", "d.example"}).code, 1);
}

TEST_F(SluicectlTest, ListsMoreThanOnePage) {
  std::string csv = "pattern\n";
  for (int i = 0; i < 2500; ++i) absl::StrAppend(&csv, "d", i, ".example\n");
  ASSERT_EQ(Ctl({"domains", "import", File("list.csv", csv)}).code, 0);
  const Outcome listed = Ctl({"domains", "list", "--limit=2400", "--json"});
  EXPECT_EQ(json::parse(listed.out)["entries"].size(), 2400u);
  EXPECT_EQ(json::parse(listed.out)["total"], 2502);
}

TEST_F(SluicectlTest, SearchesTheDomains) {
  const Outcome found = Ctl({"domains", "search", "EXAMPLE.com"});
  EXPECT_EQ(found.code, 0);
  EXPECT_THAT(found.out, AllOf(HasSubstr("*.example.com"), HasSubstr("1 entry\n")));
  EXPECT_EQ(Ctl({"domains", "search", "nothing-like-it"}).code, 1);
}

TEST_F(SluicectlTest, ShowsADomain) {
  ExpectGolden({"domains", "show", "*.example.com"}, R"(Pattern          *.example.com
Direction        both
Mode             enforce
Level            verify
Match names      mx.example.net
                 .example.org
Minimum version  TLS 1.2
Inbound action   defer
Created          {-50h} (2d ago) by alice
Changed          {-50h} (2d ago) by alice
Generation       1
)");
}

TEST_F(SluicectlTest, AddsSetsAndRemovesDomains) {
  ExpectGolden({"domains", "add", "Bücher.example", "--level=secure",
                "--match_names=.x.example,y.example", "--no-ping"},
               "added: pattern: xn--bcher-kva.example; level: secure; match_names: .x.example "
               "y.example\n");
  ExpectGolden({"domains", "set", "bücher.example", "level=verify", "note=by mail",
                "match_names=", "--no-ping"},
               "xn--bcher-kva.example: level: secure -> verify; match_names: .x.example y.example "
               "-> \"\"; note: \"\" -> \"by mail\"\n");
  ExpectGolden({"domains", "set", "bücher.example", "--level=verify"}, "nothing to change\n");
  ExpectGolden({"domains", "remove", "bücher.example", "d.example"},
               "removed: pattern: d.example; note: \"asked for by \\\"J.\\\"\"\n"
               "removed: pattern: xn--bcher-kva.example; level: verify; note: \"by mail\"\n");
  const Outcome again = Ctl({"domains", "remove", "d.example"});
  EXPECT_EQ(again.code, 1);
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("sluicectl: d.example is not on the list"));
  EXPECT_EQ(Ctl({"domains", "set", "d.example"}).code, 2);
  EXPECT_THAT(Ctl({"domains", "set", "d.example", "colour=red"}).err, HasSubstr("the fields are"));
  EXPECT_THAT(Ctl({"domains", "add", "x.example", "--level=loud"}).err,
              AllOf(HasSubstr("nothing was changed: level:"), HasSubstr("fingerprint")));
}

TEST_F(SluicectlTest, WhatIsSavedIsPinged) {
  const std::string saved = Ctl({"domains", "add", "*.com"}).out;
  EXPECT_THAT(saved, HasSubstr("warning: *.com takes in every domain under com"));
  EXPECT_THAT(saved, HasSubstr("saved; its STARTTLS ping:\nexample.com: partial"));
  EXPECT_THAT(control_.Calls(), Contains("ping entry *.com at com"));
  EXPECT_THAT(Ctl({"domains", "add", "*"}).out, HasSubstr("not pinged: * names no domain"));
  EXPECT_THAT(Ctl({"domains", "set", "*.com", "mode=off"}).out,
              HasSubstr("not pinged: the entry is off"));
}

TEST_F(SluicectlTest, ShowsWhoChangedWhat) {
  policy::Entry entry;
  entry.pattern = policy::Pattern::Parse("x.example").value();
  auto before = std::make_shared<const policy::Entry>(entry);
  entry.level = policy::Level::kVerify;
  control_.changes.changes = {{.generation = 7,
                               .record = {.author = {absl::FromUnixSeconds(1'700'000'000), "alice"},
                                          .before = before,
                                          .after = std::make_shared<const policy::Entry>(entry)}}};
  ExpectGolden({"domains", "changes", "--pattern=X.example", "--by=alice"},
               "GENERATION  WHEN                  BY     PATTERN    WHAT\n"
               "7           2023-11-14T22:13:20Z  alice  x.example  level: encrypt -> verify\n");
  EXPECT_EQ(control_.last_change_query.pattern, "x.example");
  EXPECT_EQ(control_.last_change_query.by, "alice");
}

TEST_F(SluicectlTest, MakesListsAndRemovesTokens) {
  const Outcome made = Ctl({"token", "add", "robot", "--role=write", "--expires=12h"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, ::testing::MatchesRegex("sluice_[A-Za-z0-9_-]+\n"));
  // The server's clock stands still long before now, which is when 12 hours count from.
  EXPECT_THAT(Ctl({"token", "list"}).out, AllOf(HasSubstr("robot"), HasSubstr("in 11h")));
  EXPECT_EQ(Ctl({"token", "add", "robot", "--role=read"}).code, 1);
  EXPECT_EQ(Ctl({"token", "add", "other"}).code, 2);
  EXPECT_EQ(Ctl({"token", "add", "other", "--role=read", "--expires=later"}).code, 2);
  ExpectGolden({"token", "remove", "robot"}, "removed: robot\n");
  EXPECT_EQ(Ctl({"token", "remove", "robot"}).code, 1);
}

TEST_F(SluicectlTest, GoesOverTcpWithAToken) {
  Start({.tcp = {.listen = {*io::SocketAddress::Parse("127.0.0.1:0")}}});
  const std::string url = absl::StrCat("--url=http://", server_->listeners()[0]);
  const std::string token =
      "--token_file=" + File("token", Ctl({"token", "add", "robot", "--role=read"}).out);
  EXPECT_THAT(Ctl({"domains", "list", url, token}).out, HasSubstr("2 entries"));
  const Outcome refused = Ctl({"domains", "add", "new.example", url, token});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("role write"));
  const Outcome unknown = Ctl({"status", url, "--token_file=" + File("wrong", "sluice_wrong\n")});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("not known"));
  EXPECT_EQ(Ctl({"status", "--url=http://127.0.0.1:1", token}).code, 3);
}

TEST_F(SluicectlTest, ImportsAndExportsFiles) {
  const std::string file = File("list.csv", "pattern,level\nd.example,verify\nnew.example,\n");
  const std::string difference =
      "removed: pattern: *.example.com; level: verify; match_names: mx.example.net .example.org\n"
      "d.example: level: encrypt -> verify; note: \"asked for by \\\"J.\\\"\" -> \"\"\n"
      "added: pattern: new.example\n";
  ExpectGolden({"domains", "import", file, "--replace", "--dry-run"},
               difference + "nothing was changed; it would be: 1 added, 1 changed, 1 removed\n");
  EXPECT_EQ(control_.PolicyList()->generation(), 2u);
  ExpectGolden({"domains", "import", file, "--replace"},
               difference + "1 added, 1 changed, 1 removed\n");
  ExpectGolden({"domains", "import", file, "--replace"}, "0 added, 0 changed, 0 removed\n");

  const Outcome exported = Ctl({"domains", "export", "--format=json"});
  EXPECT_EQ(json::parse(exported.out).size(), 2u);
  ExpectGolden({"domains", "import", File("list.json", exported.out), "--replace"},
               "0 added, 0 changed, 0 removed\n");

  const Outcome bad =
      Ctl({"domains", "import", File("bad.csv", "pattern,level\nx..y,\nz.example,loud\n")});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, AllOf(HasSubstr("nothing was imported: 2 rows"), HasSubstr("\n  line 2: "),
                             HasSubstr("\n  line 3: level: ")));
  EXPECT_EQ(Ctl({"domains", "import", directory_.Path("missing.csv")}).code, 2);
}

TEST_F(SluicectlTest, AnImportThatIsTooLargeIsRefusedWithTheBound) {
  const Outcome run =
      Ctl({"domains", "import", File("large.csv", std::string((64 << 20) + 1, 'x'))});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("takes at most 67108864"));
}

TEST_F(SluicectlTest, Explains) {
  ExpectGolden({"domains", "explain", "user@mail.example.com"}, R"(Domain         mail.example.com
Route          by MX
Default level  may

Mail to mail.example.com
  The entry *.example.com decides for mail to mail.example.com: enforce, level verify, TLS 1.2 or later.
  ENTRY          LEVEL   MODE     WHY
* *.example.com  verify  enforce  decides: of the patterns that match it says most about the name

Mail from mail.example.com
  The entry *.example.com decides for mail from mail.example.com: enforce, TLS 1.2 or later, else defer.
  ENTRY          LEVEL   MODE     WHY
* *.example.com  verify  enforce  decides: of the patterns that match it says most about the name
)");
}

TEST_F(SluicectlTest, ExplainsTheMtaStsPolicyToo) {
  control_.mta_sts.emplace();
  EXPECT_THAT(Ctl({"domains", "explain", "other.example"}).out,
              HasSubstr("\nMTA-STS        the domain publishes no policy\n"));
  control_.mta_sts = relay::MtaStsState{.mode = "enforce",
                                        .id = "7",
                                        .mx = {"mx.example.com", "*.example.net"},
                                        .fetched_at = absl::FromUnixSeconds(1'700'000'000),
                                        .expires_at = absl::FromUnixSeconds(1'700'086'400),
                                        .fault = "sts-policy-fetch-error",
                                        .detail = "no answer"};
  EXPECT_THAT(Ctl({"domains", "explain", "other.example"}).out,
              HasSubstr("\nMTA-STS        mode enforce, id 7, until 2023-11-15T22:13:20Z\n"
                        "MTA-STS hosts  mx.example.com, *.example.net\n"
                        "MTA-STS fault  sts-policy-fetch-error: no answer\n"));
}

TEST_F(SluicectlTest, Pings) {
  const std::string day =
      absl::FormatTime("%Y-%m-%d", now_ + absl::Hours(24 * 30 + 12), absl::UTCTimeZone());
  ExpectGolden({"ping", "example.com"},
               R"(example.com: partial (entry example.com, level verify)

mx1.example.com (192.0.2.1:25): valid
  Answer       250 mx1.example.com
  TLS          TLSv1.3, TLS_AES_256_GCM_SHA384
  Certificate  CN=mx1.example.com
  Issuer       CN=R3,O=Let's Encrypt,C=US
  Names        mx1.example.com, mx2.example.com
  Valid until  )" + day +
                   R"(, 30 days left
  Fingerprint  )" + std::string(64, 'c') +
                   R"(
  Chain        CN=mx1.example.com
               CN=R3,O=Let's Encrypt,C=US
  Took         84 ms

mx2.example.com (192.0.2.2:25): INVALID at starttls, not_offered
  Answer      250 HELP
  Took        12 ms
  What to do  The server does not offer STARTTLS. Ask its operator to switch it on; until then nothing can be sent there securely.
)",
               1);
  control_.ping.verdict = relay::PingVerdict::kValid;
  EXPECT_EQ(Ctl({"ping", "example.com"}).code, 0);
  EXPECT_EQ(json::parse(Ctl({"ping", "example.com", "--json"}).out)["verdict"], "valid");
}

TEST_F(SluicectlTest, ListsTheQueue) {
  const std::string waiting = WaitingId().ToString();
  const std::string active = ActiveId().ToString();
  ExpectGolden(
      {"queue", "list"},
      R"(MESSAGE              STATE    CAME    TRIES  NEXT TRY  EXPIRES  SIZE    FROM              TO               WHY
)" + waiting +
          R"(  waiting  2h ago  4      in 38m    in 6d    12 KiB  a@sender.example  c@d.example +1   starttls: not_offered
)" + active +
          R"(  active   1m ago  0      now       in 6d    700 B   <>                x@other.example
In the queue: 2 messages (13 KiB), 1 of them being sent; the oldest came 2h ago
)");
  EXPECT_EQ(json::parse(Ctl({"queue", "list", "--json"}).out)["messages"].size(), 2u);
  EXPECT_THAT(Ctl({"queue", "list", "--limit=1"}).out, HasSubstr("more match; --limit=N"));
  ASSERT_EQ(Ctl({"queue", "list", "--state=waiting", "--domain=d.example"}).code, 0);
  EXPECT_EQ(control_.last_queue_query.destination, "d.example");
  EXPECT_EQ(control_.last_queue_query.state, queue::ItemState::kWaiting);
}

TEST_F(SluicectlTest, ShowsAMessageWithNothingUnescaped) {
  const std::string id = WaitingId().ToString();
  ExpectGolden({"queue", "show", id}, "Message    " + id + R"(
From       a@sender.example
Size       12 KiB
Came       {-150m} (2h ago)
Expires    {165h30m} (in 6d)
Came from  client.example (127.0.0.1:40123)
Came over  TLSv1.3, TLS_AES_256_GCM_SHA384
Asks for   RET=HDRS ENVID=QQ\x1b[31m1 TLS-Required: No

To d.example: waiting, 4 attempts
  Next try      {38m30s} (in 38m)
  Last failure  {-42m30s} (42m ago)
  Server        mx.d.example (192.0.2.1:25)
  Why           starttls: not_offered
  Answer        502 5.5.1 no \x1b[31mSTARTTLS\x1b[0m here
  Recipient     c@d.example NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old@d.example, pending: 502 5.5.1 no STARTTLS here
  Recipient     e@d.example, pending

Header:
  Received: by fake.test id )" + id + "\n  Subject: \\x1b[31mgr\xEF\xBF\xBD\xEF\xBF\xBD\n");
  EXPECT_EQ(Ctl({"queue", "show", DeliveredId().ToString()}).code, 1);
  EXPECT_THAT(Ctl({"queue", "show", id, "--json"}).out,
              AllOf(HasSubstr("\\u001b[31m"), Not(HasSubstr("\x1b"))));
}

TEST_F(SluicectlTest, RetriesAndDeletesMessages) {
  const std::string id = WaitingId().ToString();
  ExpectGolden({"queue", "retry", id}, "2 messages are tried again now\n");
  ExpectGolden({"queue", "retry", "--domain=d.example"}, "2 messages are tried again now\n");
  EXPECT_THAT(control_.Calls(), Contains("retry d.example"));
  EXPECT_EQ(Ctl({"queue", "retry"}).code, 2);
  EXPECT_EQ(Ctl({"queue", "retry", id, "--all"}).code, 2);
  ExpectGolden({"queue", "retry", "--domain=nowhere.example"},
               "nothing of it waits; what is being sent already is left alone\n", 1);
  ExpectGolden({"queue", "delete", id, "--reason=asked for"},
               "1 message is deleted; the history keeps who did it and why\n");
  EXPECT_THAT(control_.Calls(),
              Contains(absl::StrCat("remove ", id, "  by ", getpwuid(geteuid())->pw_name,
                                    " because asked for")));
  EXPECT_EQ(Ctl({"queue", "delete", ActiveId().ToString()}).code, 1);
}

TEST_F(SluicectlTest, HoldsReleasesAndBouncesMessages) {
  const std::string id = WaitingId().ToString();
  const std::string by = absl::StrCat(" by ", getpwuid(geteuid())->pw_name, " because ");
  ExpectGolden({"queue", "hold", "--domain=d.example", "--reason=they move"},
               "2 messages are on hold\n");
  EXPECT_THAT(control_.Calls(), Contains("hold  d.example" + by + "they move"));
  ExpectGolden({"queue", "release", id}, "1 message is tried again now\n");
  ExpectGolden({"queue", "release", "--domain=nowhere.example"}, "nothing of it is on hold\n", 1);
  ExpectGolden({"queue", "bounce", id, "--domain=d.example"},
               "1 message is given back to its sender\n");
  EXPECT_THAT(control_.Calls(), Contains("return " + id + " d.example" + by));
  EXPECT_EQ(Ctl({"queue", "bounce"}).code, 2);
  EXPECT_EQ(Ctl({"queue", "bounce", "--all", "--domain=d.example"}).code, 2);
}

TEST_F(SluicectlTest, SummarizesTheQueue) {
  control_.summary.all = {.destination = "",
                          .items = 5,
                          .held = 1,
                          .tls = 3,
                          .parked = 2,
                          .by_age = {2, 0, 0, 0, 0, 0, 0, 0, 0, 3},
                          .by_reason = {{"", 1}, {"connect", 1}, {"not_offered", 3}}};
  control_.summary.destinations = {3, control_.summary.all};
  control_.summary.destinations[0].destination = "d.example";
  control_.summary.destinations[0].next_probe = now_ + absl::Hours(60);
  control_.summary.destinations[1].destination = "e.example";
  control_.summary.destinations[1].paused_until = now_ + absl::Seconds(250);
  control_.summary.destinations[2].destination = "f.example";
  control_.summary.destinations[2].rate_limited = true;
  control_.summary.destinations_total = 4;
  ExpectGolden(
      {"queue", "summary"},
      "DESTINATION  ALL  -5m  -10m  -20m  -40m  -80m  -160m  -320m  -640m  -1280m  12"
      "80m+  HELD  TLS  PARKED  PROBE  WAITS FOR          WHY\n"
      "(all)        5    2    0     0     0     0     0      0      0      0       3 "
      "      1     3    2                                 not_offered 3, connect 1, not_tried 1\n"
      "d.example    5    2    0     0     0     0     0      0      0      0       3 "
      "      1     3    2       in 2d                     not_offered 3, connect 1, not_tried 1\n"
      "e.example    5    2    0     0     0     0     0      0      0      0       3 "
      "      1     3    2              pause, over in 4m  not_offered 3, connect 1, not_tried 1\n"
      "f.example    5    2    0     0     0     0     0      0      0      0       3 "
      "      1     3    2              rate               not_offered 3, connect 1, not_tried 1\n"
      "3 of 4 destinations; --limit=N shows more\n");
}

TEST_F(SluicectlTest, ShowsTheHistoryInEnglish) {
  ExpectGolden({"history"}, R"({-42m30s}  Processing: Check TLS
  Message    )" + WaitingId().ToString() +
                                R"(
  Direction  outbound
  From       a@sender.example
  To         c@d.example
             e@d.example
  Domain     d.example
  Entry      d.example (generation 2)
  Attempt    4
  Server     mx.d.example (192.0.2.1:25)
  Why        STARTTLS: STARTTLS is not offered
  Detail     502 5.5.1 no \x1b[31mSTARTTLS\x1b[0m here
  Next try   {38m30s}
  Deadline   {165h30m}

{-1m30s}  Delivered
  Message      )" + DeliveredId().ToString() +
                                R"(
  Direction    outbound
  From         <>
  To           x@other.example
  Domain       other.example
  Attempt      1
  Server       mx.other.example ([2001:db8::1]:25)
  Detail       250 2.0.0 queued
  TLS          TLSv1.3, TLS_AES_256_GCM_SHA384
  Certificate  CN=mx.other.example

)");
}

TEST_F(SluicectlTest, ShowsTheHistoryInGerman) {
  ExpectGolden({"history", "--lang=de", "--outcome=check_tls"},
               R"({-42m30s}  Verarbeitung läuft: TLS prüfen
  Nachricht         )" +
                   WaitingId().ToString() + R"(
  Richtung          ausgehend
  Von               a@sender.example
  An                c@d.example
                    e@d.example
  Domain            d.example
  Eintrag           d.example (Generation 2)
  Versuch           4
  Server            mx.d.example (192.0.2.1:25)
  Grund             STARTTLS: STARTTLS wird nicht angeboten
  Einzelheit        502 5.5.1 no \x1b[31mSTARTTLS\x1b[0m here
  Nächster Versuch  {38m30s}
  Frist             {165h30m}

)");
}

TEST_F(SluicectlTest, HistoryTakesTimesAndPrintsJsonLines) {
  const Outcome run = Ctl({"history", "--since=2h", "--until=2030-01-01", "--json"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 2);
  EXPECT_EQ(json::parse(run.out.substr(0, run.out.find('\n')))["outcome"], "check_tls");
  const absl::Duration off = control_.last_history_query.since - (now_ - absl::Hours(2));
  EXPECT_LT(absl::AbsDuration(off), absl::Minutes(10));
  EXPECT_EQ(Ctl({"history", "--since=soon"}).code, 2);
  EXPECT_EQ(Ctl({"history", "--limit=0"}).code, 2);
  EXPECT_EQ(Ctl({"history", "--outcome=lost"}).code, 1);
  ExpectGolden({"history", "--outcome=expired"}, "no entry of the history matches\n");
}

TEST_F(SluicectlTest, FollowsTheHistoryUntilItsDaemonGoes) {
  const std::string out = directory_.Path("followed");
  const pid_t child =
      Spawn({"history", "--follow", "--json", "--limit=1"}, out, directory_.Path("followed.err"));
  // Polls once a second: the second poll shows that the first cursor was taken up.
  control_.AwaitHistoryQueries(3);
  server_->Stop();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(json::parse(Content(out))["outcome"], "delivered");
  EXPECT_EQ(control_.last_history_query.cursor, queue::CursorOf(control_.history[1]));
  EXPECT_FALSE(control_.last_history_query.newest_first);
}

TEST_F(SluicectlTest, ShowsTheCertificates) {
  const std::string until =
      absl::FormatTime("%Y-%m-%d", now_ + absl::Hours(24 * 61 + 12), absl::UTCTimeZone());
  clock_.Advance(now_ - clock_.WallNow());  // days left are counted by the daemon's clock
  const auto sheet = [&until](const std::string& shown_to) {
    return "Shown to                   " + shown_to + R"(
Common name                gw.example.net
Subject alternative names  DNS:gw.example.net
                           DNS:mail.example.net
Organization               Example GmbH
Location                   Berlin, BE, DE
Serial number              04:A3:7F
Signature algorithm        ecdsa-with-SHA256
Issuer                     CN=Example CA,C=DE
Valid from                 2023-07-22
Valid until                )" +
           until + R"( (61 days left)
Key                        ECDSA P-256
SHA-256 fingerprint        )" +
           std::string(64, 'a') + R"(
SHA-256 of the key         )" +
           std::string(64, 'b') + R"(
Sent behind it             CN=Example CA,C=DE
File                       var/tls/ecdsa.pem
)";
  };
  ExpectGolden({"certificate", "show"},
               absl::StrCat(sheet("clients"), "\n", sheet("servers, as partner-a")));
  const Outcome reloaded = Ctl({"reload"});
  EXPECT_EQ(reloaded.code, 0);
  EXPECT_THAT(reloaded.out, HasSubstr("Common name                gw.example.net"));
}

TEST_F(SluicectlTest, ShowsTheStatus) {
  clock_.Advance(now_ - clock_.WallNow());
  ExpectGolden({"status"}, R"(Version       0.1.0
Hostname      gw.example.net
State         running
Up for        3d 4h
Listens on    127.0.0.1:2525, [::1]:2525
Enforced TLS  2 entries, generation 2; all other domains: may
Queue         2 messages (13 KiB), 1 of them being sent; the oldest came 2h ago
Failures      connect 1, not_offered 5

CORE  SESSIONS  IN   TLS IN  TLS FAILED  ACCEPTED  REFUSED  OUT  OUT FAILED  DELIVERED  DEFERRED  FOR TLS
0     3         120  100     2           90        4        30   5           80         6         5
1     3         120  100     2           90        4        30   5           80         6         5
all   6         240  200     4           180       8        60   10          160        12        10
)");
  EXPECT_EQ(json::parse(Ctl({"--json", "status"}).out)["total"]["delivered"], 160);
}

TEST_F(SluicectlTest, ExitCodesTellWhatWentWrong) {
  EXPECT_EQ(Ctl({}).code, 2);
  EXPECT_EQ(Ctl({"--help"}).code, 0);
  EXPECT_EQ(Ctl({"queue", "list", "--help"}).code, 0);
  EXPECT_EQ(Ctl({"nonsense"}).code, 2);
  EXPECT_EQ(Ctl({"domains", "show", "missing.example"}).code, 1);
  const Outcome unreached = Ctl({"status", "--control_socket=" + directory_.Path("no.sock")});
  EXPECT_EQ(unreached.code, 3);
  EXPECT_THAT(unreached.err,
              AllOf(HasSubstr("no daemon can be reached at " + directory_.Path("no.sock")),
                    HasSubstr("--control_socket=PATH")));
}

}  // namespace
}  // namespace sluice::admin
