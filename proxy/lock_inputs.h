// What the lock commands read: flag files and lock files as a user names them.
#pragma once

#include <string>
#include <vector>

#include "lockfile/lock_file.h"
#include "lockfile/make_lock.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::cli {

// The flags of these files; a folder stands for the .yaml, .yml and .json files in it. Their
// mistakes are printed. Codes "bad_flag_files", of reading, of SecretSource.
Result<lockfile::FlagSetInput> load_flags(const std::vector<std::string>& files,
                                          const std::string& tenant, const std::string& secret);

// Codes of read_file and LockFile::parse; the place is the file and its line.
Result<lockfile::LockFile> read_lock(const std::string& path);
// Whole or not at all, also when something else reads it meanwhile. Code "write_failed".
Status write_lock(const std::string& path, const lockfile::LockFile& file);
bool is_lock(const std::string& path);

// Signs with the key in the file. A key made without --approver serves as well: its approver form
// has the same name and public key.
Status approve_with(lockfile::LockFile& file, const std::string& key_file);
Result<std::vector<merkle::VerifierKey>> approver_keys(const std::vector<std::string>& texts);

// "flagmesh COMMAND: …" on standard error; gives 2.
int refuse(const char* command, const Error& error);

}  // namespace flagmesh::cli
