#include <algorithm>
#include <iterator>

#include "onnx/adapters.h"
#include "onnx/operators.h"

namespace tercel::onnx {

namespace {

// The operators of ai.onnx.ml, as kOnnx in operators.cc. All of them are rewritten.
constexpr Operator kMl[] = {
    {"ArrayFeatureExtractor", 1, "", adapt_array_feature_extractor},
    {"Binarizer", 1, "threshold", adapt_binarizer},
    {"FeatureVectorizer", 1, "inputdimensions", adapt_feature_vectorizer},
    {"Imputer", 1, "imputed_value_floats imputed_value_int64s replaced_value_float replaced_value_int64", adapt_imputer},
    {"LabelEncoder", 1,
     "classes_strings default_float default_int64 default_string default_tensor keys_floats keys_int64s keys_strings "
     "keys_tensor values_floats values_int64s values_strings values_tensor",
     adapt_label_encoder},
    {"LinearClassifier", 1, "classlabels_ints classlabels_strings coefficients intercepts multi_class post_transform",
     adapt_linear_classifier},
    {"LinearRegressor", 1, "coefficients intercepts post_transform targets", adapt_linear_regressor},
    {"Normalizer", 1, "norm", adapt_normalizer},
    {"OneHotEncoder", 1, "cats_int64s cats_strings zeros", adapt_one_hot_encoder},
    {"SVMClassifier", 1,
     "classlabels_ints classlabels_strings coefficients kernel_params kernel_type post_transform prob_a prob_b rho "
     "support_vectors vectors_per_class",
     adapt_svm_classifier},
    {"SVMRegressor", 1, "coefficients kernel_params kernel_type n_supports one_class post_transform rho support_vectors",
     adapt_svm_regressor},
    {"Scaler", 1, "offset scale", adapt_scaler},
    {"TreeEnsemble", 5,
     "aggregate_function leaf_targetids leaf_weights membership_values n_targets nodes_falseleafs nodes_falsenodeids "
     "nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes nodes_splits nodes_trueleafs "
     "nodes_truenodeids post_transform tree_roots",
     adapt_tree_ensemble},
    {"TreeEnsembleClassifier", 1,
     "base_values base_values_as_tensor class_ids class_nodeids class_treeids class_weights class_weights_as_tensor "
     "classlabels_int64s classlabels_strings nodes_falsenodeids nodes_featureids nodes_hitrates nodes_hitrates_as_tensor "
     "nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids nodes_values "
     "nodes_values_as_tensor post_transform",
     adapt_tree_classifier},
    {"TreeEnsembleRegressor", 1,
     "aggregate_function base_values base_values_as_tensor n_targets nodes_falsenodeids nodes_featureids nodes_hitrates "
     "nodes_hitrates_as_tensor nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids "
     "nodes_values nodes_values_as_tensor post_transform target_ids target_nodeids target_treeids target_weights "
     "target_weights_as_tensor",
     adapt_tree_regressor},
};

constexpr bool by_name(const Operator& a, const Operator& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kMl), std::end(kMl), by_name));

}  // namespace

std::span<const Operator> ml_operators() { return kMl; }

std::string ml_refusal(std::string_view name) {
  if (name == "ZipMap")
    return "it makes a list of maps, which are not computed with; convert the model again with options={'zipmap': False} "
           "(onnxmltools: zipmap=False), so that probabilities are a tensor";
  if (has_word("CastMap CategoryMapper DictVectorizer", name))
    return "maps and strings are not computed with; turn them into numbers before the model";
  return "there is no such operator in versions 1 to " + std::to_string(kMlVersionMax) + " of ai.onnx.ml";
}

}  // namespace tercel::onnx
