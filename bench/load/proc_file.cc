#include "bench/load/proc_file.h"

#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"

namespace sluice::bench {

std::string ProcFile(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return std::string(absl::StripAsciiWhitespace(text.str()));
}

}  // namespace sluice::bench
