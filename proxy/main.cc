#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  CLI::App app{"flagmesh: sends every request to the feature container that a proven feature flag names"};
  app.set_version_flag("--version", "flagmesh 0.1.0");
  CLI11_PARSE(app, argc, argv);
  return 0;
}
