#include "retina/pipeline/models/transfer_record.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(TransferRecord, TellsSourceDigestAndCounts) {
  const testing::TempFolder run;
  EXPECT_EQ(transferred_digest(run.path()), "");
  EXPECT_TRUE(transfer_facts(run.path()).empty());
  core::write_atomically(transfer_path(run.path()),
                         std::string_view(R"({"source": "w.pt", "digest": "12ab", "counts":
                          {"moved": {"tensors": 3, "parameters": 40}, "frozen": {}}})"));
  EXPECT_EQ(transferred_digest(run.path()), "12ab");
  EXPECT_EQ(transfer_facts(run.path()), (std::vector<std::pair<std::string, std::string>>{
                                            {"weights from", "w.pt"},
                                            {"moved", "3 tensors, 40 parameters"},
                                            {"frozen", "0 tensors, 0 parameters"}}));
}

TEST(TransferRecord, WhatIsNoneNamesItsFile) {
  const testing::TempFolder run;
  for (const char* text :
       {"null", "[]", R"({"source": 3, "digest": 3})", R"({"digest": [], "counts": []})",
        R"({"digest": {}, "counts": {"moved": 3}})",
        R"({"digest": 1, "counts": {"moved": {"tensors": 1e300}}})"}) {
    core::write_atomically(transfer_path(run.path()), std::string_view(text));
    for (const bool wants_digest : {false, true}) {
      try {
        if (wants_digest) {
          transferred_digest(run.path());
        } else {
          transfer_facts(run.path());
        }
        FAIL() << text;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_data);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("transfer.json"));
      }
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
