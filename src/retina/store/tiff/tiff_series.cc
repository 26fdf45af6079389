#include "retina/store/tiff/tiff_series.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/problem.h"
#include "retina/store/tiff/ome_planes.h"
#include "retina/store/tiff/ome_xml.h"
#include "retina/store/tiff/tiff_groups.h"
#include "retina/store/tiff/tiff_support.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::optional<std::int64_t> index_after(std::string_view text, std::string_view key) {
  if (!text.starts_with(key)) {
    return std::nullopt;
  }
  text.remove_prefix(key.size());
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0
             ? std::optional(value)
             : std::nullopt;
}

std::int64_t product(const std::vector<TiffAxis>& axes) {
  std::int64_t count = 1;
  for (const TiffAxis& axis : axes) {
    if (count > (std::int64_t{1} << 40) / axis.size) {
      return -1;  // of a damaged description: no file has so many pages
    }
    count *= axis.size;
  }
  return count;
}

std::string to_text(const std::vector<TiffAxis>& axes) {
  std::vector<std::string> parts;
  for (const TiffAxis& axis : axes) {
    parts.push_back(fmt::format("{} = {}", axis.name, axis.size));
  }
  return parts.empty() ? "one image" : fmt::format("{}", fmt::join(parts, ", "));
}

/// tifffile's shape without rows, columns and colours: axes of the pages, '?' where it names none.
std::vector<TiffAxis> shaped_axes(const TiffDescription& text, const TiffDirectory& page) {
  std::vector<std::int64_t> image{page.height, page.width};
  if (page.samples > 1) {
    image.insert(page.planar == 2 ? image.begin() : image.end(), page.samples);
  }
  if (text.shape.size() < image.size() ||
      !std::equal(image.rbegin(), image.rend(), text.shape.rbegin())) {
    return {};
  }
  std::vector<TiffAxis> axes;
  for (std::size_t i = 0; i + image.size() < text.shape.size(); ++i) {
    char name = '?';
    if (!text.shape_axes.empty()) {
      const std::size_t known = std::string_view("ZCT").find(text.shape_axes[i]);
      name = known == std::string_view::npos ? '?' : "zct"[known];
    }
    if (text.shape[i] > 1) {
      axes.push_back({name, text.shape[i]});
    }
  }
  return axes;
}

/// Finds one series, step by step.
class SeriesChooser {
 public:
  SeriesChooser(const fs::path& path, std::uint64_t file_bytes, const TiffContents& contents,
                const TiffSelection& selection)
      : path_(path), file_bytes_(file_bytes), contents_(contents), selection_(selection) {}

  TiffSeries choose() {
    if (is_ome_xml(contents_.description)) {
      choose_ome_pages();
    } else {
      choose_plain_pages();
    }
    require_pages();
    lay_out();
    const TiffDirectory& page = contents_.pages[series_.pages.front()];
    for (std::string& line : how_values_are_read(page)) {
      series_.notes.push_back(std::move(line));
    }
    if (page.sub_directories > 0) {
      series_.notes.emplace_back("smaller copies of the pages (a pyramid) are not read");
    }
    if (series_.description.is_calibrated) {
      series_.notes.emplace_back(
          "ImageJ's calibration of values is not applied: stored values are read");
    }
    return std::move(series_);
  }

 private:
  void choose_plain_pages() {
    series_.description = parse_tiff_description(contents_.description);
    TiffDescription& text = series_.description;
    TiffGroup group = choose_tiff_group(path_, contents_, selection_.series);
    series_.notes = std::move(group.notes);
    require_readable_page(path_, group.kind, file_bytes_);  // before its sizes are multiplied
    if (text.writer == "tifffile") {
      text.axes = shaped_axes(text, group.kind);
    }
    if (group.kind.channels() > 1 && product(text.axes) != std::ssize(group.pages)) {
      std::erase_if(text.axes, [](const TiffAxis& axis) { return axis.name == 'c'; });
    }
    series_.pages = std::move(group.pages);
    std::int64_t count = std::ssize(series_.pages);
    if (count == 1) {
      series_.contiguous = count_unlisted(group.kind);
      count = std::max<std::int64_t>(1, series_.contiguous);
    }
    if (selection_.axes.empty()) {
      axes_ = described_axes(count);
      name_unnamed_axes();
    } else {
      axes_ = stated_axes(product(text.axes) == count ? text.axes : axes_, count);
    }
  }

  void choose_ome_pages() {
    const OmeDocument document = parse_ome_xml(contents_.description);
    const OmeImage& image = choose_ome_image(path_, document, selection_.series);
    OmePlanes planes = locate_ome_planes(path_, document, image, contents_);
    series_.description.writer = "OME";
    series_.description.physical_nm = image.voxel_nm;
    series_.notes = image.notes;
    series_.description.offset_nm = parse_tiff_description(image.description).offset_nm;
    series_.pages = std::move(planes.pages);
    axes_ =
        selection_.axes.empty() ? planes.axes : stated_axes(planes.axes, std::ssize(series_.pages));
    if (contents_.pages.size() > series_.pages.size()) {
      series_.notes.push_back(fmt::format("{} page(s) that are not of this image are not read",
                                          contents_.pages.size() - series_.pages.size()));
    }
  }

  /// How many images a single page stands for: ImageJ above 4 GiB and tifffile's truncated files
  /// list only the first. 0 if it is but one.
  std::int64_t count_unlisted(const TiffDirectory& page) {
    if (page.planes_in_tag > 1) {
      throw bad_file(path_, fmt::format("a MetaMorph stack of {} planes", page.planes_in_tag),
                     "a directory entry for each plane", "save it as TIFF with another program");
    }
    const std::int64_t described =
        std::max(series_.description.images, product(series_.description.axes));
    if (described <= 1) {
      return 0;
    }
    const auto bytes = static_cast<std::uint64_t>(page.width) *
                       static_cast<std::uint64_t>(page.height) * page.samples * (page.bits / 8);
    const std::uint64_t room = page.is_raw() && bytes > 0 && page.first_block < file_bytes_
                                   ? (file_bytes_ - page.first_block) / bytes
                                   : 0;
    if (room >= static_cast<std::uint64_t>(described)) {
      return described;
    }
    if (room > 1) {
      throw bad_file(
          path_,
          fmt::format("a description of {} images in a file with room for {}", described, room),
          "all images one after the other", "the file is cut short: get a fresh copy");
    }
    series_.notes.push_back(
        fmt::format("the description counts {} images, the file holds one", described));
    return 0;
  }

  /// Axes of the pages as the description tells, made to agree with how many there are.
  std::vector<TiffAxis> described_axes(std::int64_t pages) {
    const std::vector<TiffAxis>& axes = series_.description.axes;
    if (pages == 1) {
      return {};
    }
    const std::int64_t described = product(axes);
    if (described == pages) {
      return axes;
    }
    const bool is_plain = std::none_of(axes.begin(), axes.end(), [](const TiffAxis& axis) {
      return axis.name == 'c' || axis.name == 't';
    });
    if (!is_plain) {
      throw bad_file(path_, fmt::format("{} pages described as {}", pages, to_text(axes)),
                     "a description that fits the pages",
                     "pass --axes zyx if they are slices of one stack, or --axes cyx for channels");
    }
    series_.notes.push_back(
        described > 1
            ? fmt::format("{} pages, though the description counts {}: taken for slices along z",
                          pages, described)
            : fmt::format("{} pages without a word about their axis: taken for slices along z",
                          pages));
    return {{'z', pages}};
  }

  /// Letters of the pages in the axes that the user states: "tzcyx" -> "tzc".
  std::string page_letters() const {
    const std::string& wanted = selection_.axes;
    const std::size_t rows = wanted.find("yx");
    const std::string letters = wanted.substr(0, std::min(rows, wanted.size()));
    const bool are_known = letters.find_first_not_of("tcz") == std::string::npos &&
                           std::set<char>(letters.begin(), letters.end()).size() == letters.size();
    const std::string after = rows == std::string::npos ? "?" : wanted.substr(rows + 2);
    if (!are_known || (!after.empty() && after != "c")) {
      throw bad_file(path_, fmt::format("axes {}", wanted), "axes of a TIFF file: they end in yx",
                     "pass axes such as zyx, cyx, zcyx or czyx");
    }
    return letters;
  }

  std::vector<TiffAxis> stated_axes(const std::vector<TiffAxis>& described,
                                    std::int64_t pages) const {
    const std::string letters = page_letters();
    if (letters.size() <= 1 && (pages == 1 || letters.size() == 1)) {
      return pages == 1 ? std::vector<TiffAxis>{} : std::vector<TiffAxis>{{letters.front(), pages}};
    }
    if (letters.size() != described.size()) {
      throw bad_file(path_,
                     fmt::format("axes {} for {} pages described as {}", selection_.axes, pages,
                                 to_text(described)),
                     "a letter for each axis described, or one for all pages",
                     "leave --axes out, or pass --axes zyx or --axes cyx");
    }
    std::vector<TiffAxis> axes;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      axes.push_back({letters[i], described[i].size});
    }
    return axes;
  }

  void name_unnamed_axes() {
    const auto unnamed = std::count_if(axes_.begin(), axes_.end(),
                                       [](const TiffAxis& axis) { return axis.name == '?'; });
    if (unnamed == 0) {
      return;
    }
    if (axes_.size() > 1) {
      throw bad_file(path_, fmt::format("pages along unnamed axes ({})", to_text(axes_)),
                     "axes that the file names", "pass --axes czyx or --axes zcyx");
    }
    axes_.front().name = 'z';
    series_.notes.push_back(fmt::format(
        "{} pages without a word about their axis: taken for slices along z", axes_.front().size));
  }

  void require_pages() const {
    const TiffDirectory& first = contents_.pages[series_.pages.front()];
    for (const std::size_t page : series_.pages) {
      require_readable_page(path_, contents_.pages[page], file_bytes_);
      if (!is_same_kind_of_page(first, contents_.pages[page])) {
        throw bad_file(path_, fmt::format("page {} is {}", page + 1, contents_.pages[page].text()),
                       fmt::format("{} as on page {}", first.text(), series_.pages.front() + 1),
                       "split the file: pages of one stack have one size and kind");
      }
    }
  }

  /// Where the chosen time point begins along an axis of so many.
  std::int64_t chosen_time(std::int64_t times) const {
    if (!selection_.time && times > 1) {
      throw bad_file(
          path_, fmt::format("{} time points ({})", times, to_text(axes_)), "one time point",
          fmt::format("name one, '{0}:t=0' to '{0}:t={1}'{2}", path_.string(), times - 1,
                      axes_.size() == 1 ? ", or pass --axes zyx if they are slices" : ""));
    }
    if (selection_.time.value_or(0) >= times) {
      throw bad_file(path_, fmt::format("time point {}", *selection_.time),
                     fmt::format("one from 0 to {}", times - 1), "name one that exists");
    }
    return selection_.time.value_or(0);
  }

  /// Turns axes into steps from page to page.
  void lay_out() {
    std::int64_t step = 1;
    std::int64_t times = 1;
    std::string letters;
    for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
      if (axis->name == 'z') {
        series_.slices = axis->size;
        series_.slice_step = step;
      } else if (axis->name == 'c') {
        series_.channels = axis->size;
        series_.channel_step = step;
      } else {
        times = axis->size;
        series_.first = chosen_time(times) * step;
      }
      if (axis->name != 't') {
        letters.insert(letters.begin(), axis->name);
      }
      step *= axis->size;
    }
    series_.axes = letters + "yx";
    chosen_time(times);
  }

  const fs::path& path_;
  std::uint64_t file_bytes_;
  const TiffContents& contents_;
  const TiffSelection& selection_;
  TiffSeries series_;
  std::vector<TiffAxis> axes_;  ///< of the pages, slowest first
};

}  // namespace

TiffSelection parse_tiff_selection(const fs::path& path, std::string_view inner,
                                   const std::string& axes) {
  TiffSelection out;
  out.axes = axes;
  while (!inner.empty()) {
    const std::size_t comma = std::min(inner.size(), inner.find(','));
    const std::string_view part = inner.substr(0, comma);
    inner.remove_prefix(std::min(inner.size(), comma + 1));
    if (const auto time = index_after(part, "t=")) {
      out.time = time;
    } else if (const auto series = index_after(part, "series=")) {
      out.series = series;
    } else {
      throw Error(ErrorKind::usage,
                  Problem{.subject = fmt::format("'{}'", path.string()),
                          .found = fmt::format("'{}' after the colon", part),
                          .expected = "t=NUMBER or series=NUMBER, counted from 0",
                          .remedy = fmt::format("such as '{}:t=0'", path.string())});
    }
  }
  return out;
}

TiffPlane TiffSeries::plane(std::int64_t z, std::int64_t c) const {
  const std::int64_t index = first + z * slice_step + c * channel_step;
  if (contiguous > 0) {
    return {pages.front(), index};
  }
  return {pages[static_cast<std::size_t>(index)], 0};
}

TiffSeries choose_tiff_series(const fs::path& path, std::uint64_t file_bytes,
                              const TiffContents& contents, const TiffSelection& selection) {
  return SeriesChooser(path, file_bytes, contents, selection).choose();
}

}  // namespace retina::store
