// Proof files and the C2SP log proofs in them: what is accepted is written back byte for byte, and
// checking it never fails but with an error.
#include <cstdlib>
#include <string_view>

#include "lockfile/flag_proof.h"

using namespace flagmesh;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto proof = lockfile::FlagProof::parse(input); proof) {
    if (proof->text() != input) std::abort();
    (void)lockfile::check_flag_proof(*proof);
  }
  if (const auto proof = merkle::TlogProof::parse(input); proof) {
    if (proof->text() != input) std::abort();
    (void)proof->check({});
  }
  return 0;
}
