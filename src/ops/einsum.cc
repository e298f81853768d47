#include "ops/einsum.h"

#include <algorithm>
#include <array>
#include <string>

#include "ops/rules.h"

namespace tercel::ops {

namespace {

constexpr int kEllipsisLabel = 52;  // and the kRankMax - 1 after it

int letter_label(char letter) {
  if (letter >= 'A' && letter <= 'Z') return letter - 'A';
  return letter >= 'a' && letter <= 'z' ? 26 + letter - 'a' : -1;
}

// Labels of one term; `ellipsis` axes stand where "..." is.
Result<std::vector<int>> term_labels(std::string_view term, int ellipsis, bool& has_ellipsis) {
  std::vector<int> labels;
  has_ellipsis = false;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term.substr(i, 3) == "...") {
      if (has_ellipsis) return invalid("the term '" + std::string(term) + "' has two ellipses");
      has_ellipsis = true;
      for (int k = ellipsis - 1; k >= 0; --k) labels.push_back(kEllipsisLabel + k);
      i += 2;
    } else if (const int label = letter_label(term[i]); label >= 0) {
      labels.push_back(label);
    } else {
      return invalid("the einsum term '" + std::string(term) + "' may hold letters and one ellipsis (...)");
    }
  }
  return labels;
}

std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> terms;
  for (;;) {
    const size_t comma = text.find(',');
    terms.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return terms;
    text.remove_prefix(comma + 1);
  }
}

// The ellipsis axes, then every letter that occurs once, in order of the alphabet.
std::vector<int> implied_output(const EinsumEquation& equation, int ellipsis) {
  std::array<int, kEllipsisLabel> uses{};
  for (const auto& labels : equation.inputs)
    for (int label : labels)
      if (label < kEllipsisLabel) ++uses[static_cast<size_t>(label)];
  std::vector<int> output;
  for (int k = ellipsis - 1; k >= 0; --k) output.push_back(kEllipsisLabel + k);
  for (int label = 0; label < kEllipsisLabel; ++label)
    if (uses[static_cast<size_t>(label)] == 1) output.push_back(label);
  return output;
}

Result<void> check_output(const EinsumEquation& equation) {
  for (size_t i = 0; i < equation.output.size(); ++i) {
    const int label = equation.output[i];
    if (std::count(equation.output.begin(), equation.output.end(), label) > 1)
      return invalid("the einsum output names an axis twice");
    const bool known = std::any_of(equation.inputs.begin(), equation.inputs.end(), [&](const auto& labels) {
      return std::find(labels.begin(), labels.end(), label) != labels.end();
    });
    if (!known) return invalid("the einsum output names an axis that no input has");
  }
  if (equation.output.size() > kRankMax)
    return too_large("the einsum output has more than " + std::to_string(kRankMax) + " axes");
  return {};
}

}  // namespace

Result<EinsumEquation> parse_einsum(std::string_view text, std::span<const int> ranks) {
  std::string equation(text);
  std::erase(equation, ' ');
  const size_t arrow = equation.find("->");
  const std::string_view left = std::string_view(equation).substr(0, arrow);
  const auto terms = split_terms(left);
  if (terms.size() != ranks.size() || ranks.size() > static_cast<size_t>(kEinsumInputsMax))
    return invalid("the equation '" + std::string(text) + "' has " + std::to_string(terms.size()) + " terms for " +
                   std::to_string(ranks.size()) + " inputs (at most " + std::to_string(kEinsumInputsMax) + ")");
  EinsumEquation result;
  int ellipsis = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    bool has_ellipsis = false;
    const auto letters = static_cast<int>(TRY(term_labels(terms[i], 0, has_ellipsis)).size());
    const int rest = ranks[i] - letters;
    if (rest < 0 || (rest > 0 && !has_ellipsis))
      return invalid("the einsum term '" + std::string(terms[i]) + "' does not fit an input of rank " + std::to_string(ranks[i]));
    if (has_ellipsis) ellipsis = std::max(ellipsis, rest);
    result.inputs.push_back(TRY(term_labels(terms[i], rest, has_ellipsis)));
  }
  if (arrow == std::string::npos) {
    result.output = implied_output(result, ellipsis);
  } else {
    bool has_ellipsis = false;
    result.output = TRY(term_labels(std::string_view(equation).substr(arrow + 2), ellipsis, has_ellipsis));
  }
  TRY(check_output(result));
  return result;
}

Result<std::vector<Dim>> einsum_extents(const EinsumEquation& equation, std::span<const Shape> shapes) {
  std::vector<Dim> extents(kEinsumLabelsMax, Dim(1));
  std::vector<bool> seen(kEinsumLabelsMax, false);
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (int axis = 0; axis < shapes[i].rank(); ++axis) {
      const auto label = static_cast<size_t>(equation.inputs[i][static_cast<size_t>(axis)]);
      const Dim extent = shapes[i][axis];
      if (!seen[label] || extents[label] == Dim(1)) extents[label] = extent;
      else if (!(extent == Dim(1))) extents[label] = TRY(unify(extents[label], extent, "the extents of one einsum axis"));
      seen[label] = true;
    }
  }
  return extents;
}

}  // namespace tercel::ops
