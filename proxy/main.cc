// The program: parses the command line and hands over to a role.
#include <CLI/CLI.hpp>

#include "proxy/commands.h"
#include "proxy/net/tls_memory.h"

int main(int argc, char** argv) {
  flagmesh::net::keep_tls_memory();
  CLI::App app{"flagmesh: sends every request to the feature container that a proven feature flag names"};
  app.set_version_flag("--version", "flagmesh 0.1.0");
  app.require_subcommand(1);
  app.footer("`flagmesh COMMAND --help` shows examples. First steps: `flagmesh demo`.");
  int exit_code = 0;
  flagmesh::add_proxy_command(app, exit_code);
  flagmesh::add_engine_command(app, exit_code);
  flagmesh::add_validator_command(app, exit_code);
  flagmesh::add_demo_command(app, exit_code);
  flagmesh::add_check_command(app, exit_code);
  flagmesh::add_set_command(app, exit_code);
  flagmesh::add_eval_command(app, exit_code);
  flagmesh::add_status_command(app, exit_code);
  flagmesh::add_flags_commands(app, exit_code);
  flagmesh::add_backup_commands(app, exit_code);
  flagmesh::add_lock_commands(app, exit_code);
  flagmesh::add_prove_commands(app, exit_code);
  flagmesh::add_trust_command(app, exit_code);
  flagmesh::add_keygen_command(app, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
