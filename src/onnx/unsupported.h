#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tercel::onnx {

// One thing that keeps a file from being imported.
struct Unsupported {
  std::string where;   // "node 'n' (Op)", "input 'x'"
  std::string reason;  // a sentence that says what to do instead
  bool is_damage;      // the file is wrong, rather than beyond what Tercel does
};

// A graph input or output as the file declares it.
struct Declared {
  std::string name;
  std::string dtype;  // "float32", "sequence", ...
  bool has_shape = false;
  std::vector<std::string> shape;  // "batch", "3", "?"
};

// What is in a model file, before anyone compiles it.
struct Report {
  std::string producer;
  std::map<std::string, int64_t> opsets;     // by domain; "" is ai.onnx
  std::map<std::string, int64_t> operators;  // by name, "domain.Name" outside of ai.onnx; bodies of functions counted once
  int64_t parameters = 0;                    // elements of all initializers
  int64_t weight_bytes = 0;
  std::vector<Declared> inputs, outputs;
  std::vector<Unsupported> unsupported;  // all of them at once; empty when import_file() takes the file
};

// Reads a file as import_file() does, but goes on behind everything it cannot import. Fails only where the file cannot
// be read as an ONNX model at all.
Result<Report> survey(const std::string& path);
Result<Report> survey_bytes(std::span<const std::byte> image, std::shared_ptr<const void> owner, const std::string& folder = "");

}  // namespace tercel::onnx
