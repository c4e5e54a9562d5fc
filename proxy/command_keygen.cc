#include <CLI/CLI.hpp>

#include <cstdio>

#include "control/config/api_tokens.h"
#include "merkle/encoding.h"
#include "merkle/secret_file.h"
#include "merkle/signature_key.h"
#include "proxy/base/random.h"
#include "proxy/commands.h"

namespace flagmesh {

namespace {

struct Arguments {
  std::string name;
  std::string out;
  bool validator = false;
  bool approver = false;
  bool secret = false;
  std::string token;
  std::string role = "viewer";
  std::vector<std::string> tenants;
};

Status write_key(const Arguments& arguments) {
  const merkle::SignatureType type = arguments.validator  ? merkle::SignatureType::kCosignatureV1
                                     : arguments.approver ? merkle::SignatureType::kApproval
                                                          : merkle::SignatureType::kEd25519;
  Result<merkle::SigningKey> key = merkle::SigningKey::generate(arguments.name, type);
  if (!key) return std::unexpected(key.error());
  if (Status written = merkle::write_secret_file(arguments.out, key->text() + "\n"); !written)
    return written;
  printf("%s\n", key->verifier().text().c_str());
  return {};
}

Status write_secret(const Arguments& arguments) {
  std::array<uint8_t, 32> bytes;
  random_bytes(bytes);
  const std::string text =
      merkle::hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return merkle::write_secret_file(arguments.out, text + "\n");
}

// The token to a file or stdout, its entry for the file of tokens to stdout.
Status write_token(const Arguments& arguments) {
  const config::ApiRole role = arguments.role == "admin"    ? config::ApiRole::kAdmin
                               : arguments.role == "editor" ? config::ApiRole::kEditor
                                                            : config::ApiRole::kViewer;
  const auto made = config::make_api_token(arguments.token, role, arguments.tenants);
  if (!made) return std::unexpected(made.error());
  if (Status written = merkle::write_secret_file(arguments.out, made->token + "\n"); !written)
    return written;
  printf("%s\n", made->entry.c_str());
  return {};
}

Status write_what_is_asked(const Arguments& arguments) {
  if (arguments.secret) return write_secret(arguments);
  return arguments.token.empty() ? write_key(arguments) : write_token(arguments);
}

}  // namespace

void add_keygen_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "keygen", "Makes a key: the private one to a file (0600), the public one to stdout");
  command->footer(
      "Examples:\n"
      "  flagmesh keygen --name shop.example.com/flags --out engine.key         engine or command "
      "key\n"
      "  flagmesh keygen --name validator.example.com --validator --out v.key   cosigns "
      "checkpoints\n"
      "  flagmesh keygen --name alice@example.com --approver --out alice.key    approves lock "
      "files\n"
      "  flagmesh keygen --secret --out tenant.secret                           master secret of "
      "the openings\n"
      "  flagmesh keygen --token alice --role editor --out alice.token          a token for the API "
      "and OFREP\n"
      "An existing file is never replaced. Exit code: 0, or 1 when the file could not be written.");
  auto arguments = std::make_shared<Arguments>();
  CLI::Option* name =
      command->add_option("--name", arguments->name, "the key's name: the origin for an engine");
  command->add_option("--out", arguments->out, "the file for the private key")->required();
  CLI::Option* validator =
      command->add_flag("--validator", arguments->validator, "a cosignature/v1 key");
  CLI::Option* approver =
      command->add_flag("--approver", arguments->approver, "an approver's key for lock files");
  validator->excludes(approver);
  command->add_flag("--secret", arguments->secret, "not a key: a master secret")->excludes(name);
  command
      ->add_option("--token", arguments->token,
                   "not a key: an API token of this name; its entry for engine.tokens goes to stdout")
      ->excludes(name);
  command->add_option("--role", arguments->role, "of the token: viewer, editor or admin")
      ->check(CLI::IsMember({"viewer", "editor", "admin"}))
      ->capture_default_str();
  command->add_option("--tenant", arguments->tenants, "of the token; may be repeated; default: all")
      ->allow_extra_args(false);
  command->callback([arguments, &exit_code] {
    if (!arguments->secret && arguments->token.empty() && arguments->name.empty()) {
      fprintf(stderr, "flagmesh keygen: --name is needed: it is part of the key\n");
      exit_code = 1;
      return;
    }
    const Status written = write_what_is_asked(*arguments);
    if (written) return;
    fprintf(stderr, "flagmesh keygen: %s\n", written.error().text().c_str());
    exit_code = 1;
  });
}

}  // namespace flagmesh
