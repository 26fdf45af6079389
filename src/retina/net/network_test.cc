#include "retina/net/network.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/net/transunet_for_test.h"

namespace retina::net {
namespace {

using ::testing::HasSubstr;

template <class F>
std::string usage_error(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Network, UnknownNamesListTheKnown) {
  EXPECT_THAT(usage_error([] { make_network("transunte", Json::object()); }),
              HasSubstr("transunet"));
  EXPECT_THAT(usage_error([] { preset_network("retina-tony", 1); }), HasSubstr("retina-tiny"));
}

TEST(Network, UnknownOptionIsAnError) {
  EXPECT_THAT(usage_error([] {
                make_network("transunet", Json{{"hiden", 96}});
              }),
              HasSubstr("hidden"));
}

TEST(Network, PublishedPresetHasThePublishedSize) {
  const auto network = make_network("transunet", preset_network("retina", 1));
  EXPECT_EQ(parameter_count(*network), 22'201'169);  // retina.md 1.3
  EXPECT_EQ(network->input().window, 224);
  EXPECT_EQ(network->head().activation, "sigmoid");
}

TEST(Network, EveryPresetRuns) {
  for (const std::string& name : preset_names()) {
    if (name == "retina-imagenet") {
      continue;  // 105 million weights: see its size below
    }
    const auto network = make_network("transunet", preset_network(name, 3));
    network->eval();
    const at::NoGradGuard no_grad;
    const int window = network->input().window;
    EXPECT_EQ(network->forward(at::zeros({1, 1, window, window})).sizes().vec(),
              (std::vector<std::int64_t>{1, 3, window, window}))
        << name;
    EXPECT_EQ(network->head().activation, "softmax");
    RecordProperty(name, std::to_string(parameter_count(*network)));
  }
}

TEST(Network, ImagenetPresetHasThePublishedWidth) {
  const Json options = preset_network("retina-imagenet", 2);
  EXPECT_EQ(options.at("hidden"), 768);
  EXPECT_EQ(options.at("mlp"), 3072);
  EXPECT_EQ(options.at("classes"), 2);
}

}  // namespace
}  // namespace retina::net
