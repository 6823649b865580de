#include "engine/admin/metrics_text.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace sluice::admin {
namespace {

absl::string_view KindName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

// As many digits as a double holds of any decimal number.
std::string Number(double value) { return absl::StrFormat("%.15g", value); }

// Bounds are powers of two, which are short in decimal: "0.0009765625", "512".
std::string Bound(size_t bucket) { return absl::StrFormat("%.12g", BucketBoundSeconds(bucket)); }

}  // namespace

void MetricsText::Family(absl::string_view name, MetricKind kind, absl::string_view help) {
  name_ = std::string(name.data(), name.size());
  absl::StrAppend(&text_, "# HELP ", name, " ",
                  absl::StrReplaceAll(help, {{"\\", "\\\\"}, {"\n", "\\n"}}), "\n# TYPE ", name,
                  " ", KindName(kind), "\n");
}

void MetricsText::Line(absl::string_view suffix, const MetricLabels& labels,
                       absl::string_view value) {
  absl::StrAppend(&text_, name_, suffix);
  char before = '{';
  for (const auto& [label, label_value] : labels) {
    text_ += std::exchange(before, ',');
    absl::StrAppend(
        &text_, label, "=\"",
        absl::StrReplaceAll(label_value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
  }
  absl::StrAppend(&text_, labels.empty() ? "" : "}", " ", value, "\n");
}

void MetricsText::Sample(const MetricLabels& labels, uint64_t value) {
  Line("", labels, absl::StrCat(value));
}

void MetricsText::Sample(const MetricLabels& labels, double value) {
  Line("", labels, Number(value));
}

void MetricsText::Histogram(const MetricLabels& labels, const HistogramCounts& counts) {
  MetricLabels with_bound = labels;
  std::string& bound = with_bound.emplace_back("le", "").second;
  uint64_t count = 0;
  for (size_t i = 0; i < counts.buckets.size(); ++i) {
    count += counts.buckets[i];
    bound = i + 1 < counts.buckets.size() ? Bound(i) : "+Inf";
    Line("_bucket", with_bound, absl::StrCat(count));
  }
  Line("_sum", labels, Number(static_cast<double>(counts.sum_us) / 1e6));
  Line("_count", labels, absl::StrCat(count));
}

}  // namespace sluice::admin
