#include "control/flags/time_steps.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "control/flags/program.h"

namespace flagmesh::flags {

namespace {

constexpr double kLastSecond = 1e15;  // beyond it there are no steps to wait for

// The seconds at which `time OP bound` may turn, whatever OP is.
void add_bound(double bound, std::vector<int64_t>& steps) {
  if (!(std::abs(bound) <= kLastSecond)) return;
  steps.push_back(static_cast<int64_t>(std::ceil(bound)));
  steps.push_back(static_cast<int64_t>(std::floor(bound)) + 1);
}

bool is_comparison(Op op) {
  return op >= Op::kEqual && op <= Op::kGreaterEqual;
}

// How often the operation reads the time itself, when all its other operands are constant numbers;
// 0 otherwise.
size_t compared_times(const Program& program, const Operation& operation, TimeSteps& steps) {
  size_t times = 0;
  std::vector<double> bounds;
  for (uint32_t i = 0; i < operation.count; ++i) {
    const Operation& operand = program.operations[program.operands[operation.first + i]];
    if (operand.op == Op::kTimestamp) {
      ++times;
    } else if (operand.op == Op::kConstant && program.constants[operand.data].is_number()) {
      bounds.push_back(program.constants[operand.data].number());
    } else {
      return 0;
    }
  }
  if (times == 0) return 0;
  for (const double bound : bounds) add_bound(bound, steps.at);
  return times;
}

}  // namespace

void TimeSteps::add(const TimeSteps& more) {
  any_second = any_second || more.any_second;
  at.insert(at.end(), more.at.begin(), more.at.end());
}

void TimeSteps::settle() {
  std::ranges::sort(at);
  const auto same = std::ranges::unique(at);
  at.erase(same.begin(), same.end());
}

std::optional<int64_t> TimeSteps::next(int64_t unix_seconds) const {
  const auto found = std::ranges::upper_bound(at, unix_seconds);
  return found == at.end() ? std::nullopt : std::optional(*found);
}

int64_t TimeSteps::last(int64_t unix_seconds) const {
  const auto found = std::ranges::upper_bound(at, unix_seconds);
  return found == at.begin() ? 0 : *(found - 1);
}

TimeSteps time_steps(const Program& program) {
  TimeSteps steps;
  if (!program.needs_time) return steps;
  size_t read = 0;
  size_t compared = 0;
  for (const Operation& operation : program.operations) {
    if (operation.op == Op::kTimestamp) ++read;
    if (is_comparison(operation.op)) compared += compared_times(program, operation, steps);
  }
  steps.any_second = compared < read || program.needs_any_path;
  steps.settle();
  return steps;
}

}  // namespace flagmesh::flags
