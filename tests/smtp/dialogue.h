// A dialogue between a client and the server, written down in a text file of dialogues/.
//
//   # What it shows.
//   limit recipients 2        settings, before the first line of the dialogue; see ServerScene
//   S: 220 gw.example.net ESMTP Sluice
//   C: EHLO client.example.org
//
// Each line begins with a mark:
//
//   C: what the client says; CRLF is added. Lines that stand together leave together.
//   c: the same without CRLF
//   S: what the server answers, without its CRLF
//   T: the TLS handshake
//   W: the client waits this long ("6m")
//   X: the server has closed the connection
//   M: the message taken last, as "<sender> <recipient>… words": its parameters and protocol
//   B: a line of that message's body, behind the trace field; all of them stand together
//
// In C:, c: and B: lines stand \r \n \t \0 \\ \xHH for the octets they name, and {N} repeats the
// character in front of it N times.
#ifndef SLUICE_TESTS_SMTP_DIALOGUE_H_
#define SLUICE_TESTS_SMTP_DIALOGUE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::smtp {

struct DialogueStep {
  int line = 0;
  char mark = 0;
  std::string text;  // escapes resolved; C: with its CRLF
};

struct Dialogue {
  std::string path;
  std::vector<std::string> settings;
  std::vector<DialogueStep> steps;  // C: and c: lines that stand together are one C: step
};

// InvalidArgument names the file and the line.
absl::StatusOr<Dialogue> ReadDialogue(const std::string& path);

// Every .txt file of `folder`, in the order of their names.
std::vector<std::string> DialogueFiles(const std::string& folder);

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_DIALOGUE_H_
