#include "retina/net/transunet_options.h"

#include <gtest/gtest.h>

namespace retina::net {
namespace {

TEST(TransUNetOptions, DefaultsAreValid) {
  EXPECT_TRUE(TransUNetOptions{}.validate().empty());
}

TEST(TransUNetOptions, ReportsAllProblemsAtOnce) {
  const TransUNetOptions wrong{.window = 100,
                               .in_channels = 2,
                               .classes = 0,
                               .heads = 7,
                               .dropout = 1,
                               .resnet_units = {3, 4},
                               .group_norm_groups = 24,
                               .decoder_channels = {1, 2, 3, 0}};
  EXPECT_EQ(wrong.validate().size(), 8U);
}

TEST(TransUNetOptions, JsonRoundTrip) {
  TransUNetOptions options{.window = 192, .resnet_units = {1, 1, 2}};
  options.tail = TransUNetTail::reconstruction;
  const Json json = core::options_to_json(options);
  EXPECT_EQ(core::options_to_json(core::options_from_json<TransUNetOptions>(json)), json);
}

TEST(TransUNetOptions, FewChannelsHaveOneGroupEach) {
  const TransUNetOptions options;
  EXPECT_EQ(options.groups(16), 16);
  EXPECT_EQ(options.groups(256), 32);
}

}  // namespace
}  // namespace retina::net
