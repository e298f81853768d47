#pragma once

#include <cstddef>
#include <cstdint>

// Limits of a model file, checked before anything is allocated.
namespace tercel::onnx {

inline constexpr uint64_t kModelBytesMax = uint64_t{1} << 36;          // of the file, and of each external data file
inline constexpr int64_t kOpsetMin = 7, kOpsetMax = 27;                // of ai.onnx
inline constexpr int64_t kMlVersionMax = 5;                            // of ai.onnx.ml
inline constexpr size_t kModelNodesMax = size_t{1} << 18;              // of all graphs together, functions expanded
inline constexpr size_t kModelInputsMax = 4096;                        // inputs, and outputs, of one graph
inline constexpr size_t kModelAttributesMax = size_t{1} << 22;         // of all nodes together
inline constexpr size_t kNodeAttributesMax = 256;                      // of one node
inline constexpr size_t kNodeInputsMax = 65536;                        // inputs, and outputs, of one node
inline constexpr size_t kNodeInputsTotalMax = size_t{1} << 23;         // of all nodes together
inline constexpr size_t kAttributeElementsMax = size_t{1} << 24;       // ints, floats or strings of one attribute
inline constexpr size_t kAttributeElementsTotalMax = size_t{1} << 27;  // of all attributes together
inline constexpr size_t kModelNameBytesMax = 65536;                    // of any name
inline constexpr size_t kInitializersMax = size_t{1} << 20;            // of all graphs together
inline constexpr size_t kFunctionsMax = 65536;                         // model-local functions
inline constexpr int kFunctionDepthMax = 32;                           // functions that call functions
inline constexpr size_t kSymbolsMax = 4096;                            // symbolic dimensions of a model
inline constexpr size_t kExternalFilesMax = 4096;                      // external data files of a model
inline constexpr size_t kMetadataMax = 4096;                           // metadata entries that are kept

}  // namespace tercel::onnx
