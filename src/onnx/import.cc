#include "onnx/import.h"

#include "graph/text.h"
#include "onnx/image.h"
#include "onnx/importer.h"

namespace tercel::onnx {

Result<graph::Model> import_bytes(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                  const std::string& folder) {
  const ModelProto proto = TRY(parse_model({reinterpret_cast<const char*>(image.data()), image.size()}));
  ExternalFiles files(folder);
  return Importer(proto, {std::move(owner), files}).run();
}

Result<graph::Model> import_file(const std::string& path) {
  const auto file = TRY(open_model(path));
  auto model = import_bytes(file->bytes(), file, folder_of(path));
  if (!model) return model.error().within(graph::printable(path));
  return model;
}

}  // namespace tercel::onnx
