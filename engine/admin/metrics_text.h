// Writes Prometheus' text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
//   MetricsText text;
//   text.Family("sluice_sessions", MetricKind::kGauge, "SMTP sessions open now.");
//   text.Sample({{"core", "0"}}, 12);
//   text.Family("sluice_queue_latency_seconds", MetricKind::kHistogram, "…");
//   text.Histogram({{"core", "0"}}, counts);       // any number of series in a family
//   response.body = std::move(text).Take();
//
// Names and label names are words of ours and are not checked; help and label values are escaped.
#ifndef SLUICE_ENGINE_ADMIN_METRICS_TEXT_H_
#define SLUICE_ENGINE_ADMIN_METRICS_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/histogram.h"

namespace sluice::admin {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

enum class MetricKind { kCounter, kGauge, kHistogram };

using MetricLabels = std::vector<std::pair<absl::string_view, std::string>>;

class MetricsText {
 public:
  // What follows is of this family, until the next one.
  void Family(absl::string_view name, MetricKind kind, absl::string_view help);

  void Sample(const MetricLabels& labels, uint64_t value);
  void Sample(const MetricLabels& labels, double value);
  // Buckets as they are cumulated, "+Inf" with all of them, the sum and the count.
  void Histogram(const MetricLabels& labels, const HistogramCounts& counts);

  std::string Take() && { return std::move(text_); }

 private:
  void Line(absl::string_view suffix, const MetricLabels& labels, absl::string_view value);

  std::string text_;
  std::string name_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_METRICS_TEXT_H_
