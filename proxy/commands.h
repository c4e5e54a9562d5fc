// The subcommands of the program, one file each (command_NAME.cc).
#pragma once

namespace CLI {
class App;
}

namespace flagmesh {

// Each adds its subcommand to `app`; running it sets `exit_code`.
void add_proxy_command(CLI::App& app, int& exit_code);
void add_engine_command(CLI::App& app, int& exit_code);
void add_validator_command(CLI::App& app, int& exit_code);
void add_demo_command(CLI::App& app, int& exit_code);
void add_check_command(CLI::App& app, int& exit_code);
void add_keygen_command(CLI::App& app, int& exit_code);
void add_set_command(CLI::App& app, int& exit_code);
void add_lock_commands(CLI::App& app, int& exit_code);     // lock, lock sign, …; those of verify
void add_verify_commands(CLI::App& app, int& exit_code);   // verify, diff
void add_prove_commands(CLI::App& app, int& exit_code);    // prove, verify-proof
void add_trust_command(CLI::App& app, int& exit_code);
void add_eval_command(CLI::App& app, int& exit_code);
void add_status_command(CLI::App& app, int& exit_code);
void add_flags_commands(CLI::App& app, int& exit_code);  // flags, history, import
void add_backup_commands(CLI::App& app, int& exit_code);  // export, restore

}  // namespace flagmesh
