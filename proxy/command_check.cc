#include <CLI/CLI.hpp>

#include <cstdio>

#include "control/config/check.h"
#include "proxy/commands.h"

namespace flagmesh {

void add_check_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "check", "Says what is wrong with a configuration: file, line, column, mend");
  command->footer(
      "Examples:\n"
      "  flagmesh check flagmesh.yaml           what would be refused at start, and what is "
      "suspicious\n"
      "  flagmesh check --strict flagmesh.yaml  warnings are errors too (for CI)\n"
      "Exit code: 0 nothing wrong, 1 there are errors.");
  struct Arguments {
    std::string file;
    bool strict = false;
  };
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FILE", arguments->file, "the configuration")->required();
  command->add_flag("--strict", arguments->strict, "treat warnings as errors");
  command->callback([arguments, &exit_code] {
    const Diagnostics found = config::check_files(arguments->file, arguments->strict);
    for (const Diagnostic& diagnostic : found) printf("%s\n", diagnostic.text().c_str());
    if (found.empty()) printf("%s: nothing wrong\n", arguments->file.c_str());
    exit_code = has_errors(found) ? 1 : 0;
  });
}

}  // namespace flagmesh
