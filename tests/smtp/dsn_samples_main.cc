// Writes every sample notification to <directory>/<name>.eml, for dsn_parse_test.py.
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "tests/smtp/dsn_samples.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: dsn_samples DIRECTORY\n";
    return 2;
  }
  for (const sluice::smtp::DsnSample& sample : sluice::smtp::DsnSamples()) {
    const sluice::io::Body original = sluice::io::Body::Copy(sample.original);
    std::ofstream file(absl::StrCat(argv[1], "/", sample.name, ".eml"), std::ios::binary);
    file << sluice::smtp::MakeDsn(sample.request, original).text;
    if (!file.flush()) {
      std::cerr << "cannot write to " << argv[1] << "\n";
      return 1;
    }
  }
  return 0;
}
