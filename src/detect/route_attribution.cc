#include "detect/route_attribution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "detect/nonnegative.h"

namespace tidemark {
namespace {

constexpr double kRidge = 1e-3;
constexpr double kLeastResidue = 1e-9;  // of the sum of squares: an exact fit is no proof
constexpr size_t kPaired = 8;
constexpr size_t kMinIntervals = 4;
constexpr double kMaxMovingAverage = 0.9;
constexpr std::array<double, 5> kLags{0, 0.25, 0.5, 0.75, 1};  // of an interval

// Rows of the regression; consecutive rows of one instance belong together.
struct Rows {
  std::vector<uint32_t> instance;
  std::vector<double> growth;
  std::vector<std::vector<double>> requests;  // [rows][columns]
  size_t size() const { return growth.size(); }
  size_t columns() const { return requests.empty() ? 0 : requests[0].size(); }
  bool starts_instance(size_t row) const { return row == 0 || instance[row] != instance[row - 1]; }
};

bool IsUsable(const RouteInterval& interval, size_t routes) {
  return interval.requests.size() == routes && std::isfinite(interval.growth_bytes) &&
         std::all_of(interval.requests.begin(), interval.requests.end(),
                     [](double count) { return std::isfinite(count) && count >= 0; });
}

// Which routes stand for themselves: the busiest, none without requests.
std::vector<size_t> BusiestRoutes(std::span<const RouteInterval* const> intervals, size_t routes) {
  std::vector<double> total(routes, 0.0);
  for (const RouteInterval* interval : intervals) {
    for (size_t r = 0; r < routes; ++r) total[r] += interval->requests[r];
  }
  std::vector<size_t> order(routes);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return total[a] > total[b]; });
  std::erase_if(order, [&](size_t r) { return total[r] <= 0; });
  return order;
}

Rows MakeRows(std::span<const RouteInterval* const> intervals, std::span<const size_t> order) {
  Rows rows;
  const size_t own = std::min(order.size(), kMaxRoutes);
  for (const RouteInterval* interval : intervals) {
    std::vector<double> counts;
    for (size_t c = 0; c < own; ++c) counts.push_back(interval->requests[order[c]]);
    if (order.size() > own) {
      double rest = 0;
      for (size_t c = own; c < order.size(); ++c) rest += interval->requests[order[c]];
      counts.push_back(rest);
    }
    rows.instance.push_back(interval->instance);
    rows.growth.push_back(interval->growth_bytes);
    rows.requests.push_back(std::move(counts));
  }
  return rows;
}

// Counts as a profile that lags by `lag` intervals sees them. The first interval of an instance has
// none before it and stays.
Rows Shifted(const Rows& rows, double lag) {
  Rows shifted = rows;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows.starts_instance(i)) continue;
    for (size_t c = 0; c < rows.columns(); ++c) {
      shifted.requests[i][c] = (1 - lag) * rows.requests[i][c] + lag * rows.requests[i - 1][c];
    }
  }
  return shifted;
}

// Rows divided by the Cholesky factor of the covariance of e_i - theta e_(i-1), e white: the rows
// get independent. The factor is bidiagonal, so one pass does it: with d_i^2 = 1 + theta^2 - l_i^2,
// l_i = -theta / d_(i-1): row_i' = (row_i - l_i row_(i-1)') / d_i.
Rows Whitened(const Rows& rows, double theta) {
  Rows white = rows;
  double before_d = 1;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double l = rows.starts_instance(i) ? 0 : -theta / before_d;
    const double d = std::sqrt(1 + theta * theta - l * l);
    if (l != 0) {
      white.growth[i] -= l * white.growth[i - 1];
      for (size_t c = 0; c < rows.columns(); ++c) {
        white.requests[i][c] -= l * white.requests[i - 1][c];
      }
    }
    white.growth[i] /= d;
    for (double& count : white.requests[i]) count /= d;
    before_d = d;
  }
  return white;
}

// One model: some columns, each with bytes per request >= 0.
struct Fit {
  std::vector<double> bytes, error;  // [all columns], 0 where the model has none
  double residue = 0;                // sum of squares over the rows
  size_t terms = 0;                  // columns above 0
};

double Predict(const Rows& rows, std::span<const double> bytes, size_t row) {
  double sum = 0;
  for (size_t c = 0; c < bytes.size(); ++c) sum += bytes[c] * rows.requests[row][c];
  return sum;
}

std::vector<double> Residuals(const Rows& rows, std::span<const double> bytes) {
  std::vector<double> residuals(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) residuals[i] = rows.growth[i] - Predict(rows, bytes, i);
  return residuals;
}

double SumOfSquares(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

// The rows as normal equations on columns scaled to unit length.
struct Normal {
  SquareMatrix a;             // X'X
  std::vector<double> right;  // X'y
  std::vector<double> scale;  // length of each column before
  double yy = 0;
  size_t rows = 0;
};

Normal MakeNormal(const Rows& rows) {
  const size_t n = rows.columns();
  Normal normal{SquareMatrix(n), std::vector<double>(n, 0.0), std::vector<double>(n, 0.0),
                SumOfSquares(rows.growth), rows.size()};
  for (const auto& counts : rows.requests) {
    for (size_t c = 0; c < n; ++c) normal.scale[c] += counts[c] * counts[c];
  }
  for (double& scale : normal.scale) scale = scale > 0 ? std::sqrt(scale) : 1;
  for (size_t row = 0; row < rows.size(); ++row) {
    const auto& counts = rows.requests[row];
    for (size_t i = 0; i < n; ++i) {
      const double scaled = counts[i] / normal.scale[i];
      normal.right[i] += scaled * rows.growth[row];
      for (size_t j = 0; j < n; ++j) normal.a.at(i, j) += scaled * counts[j] / normal.scale[j];
    }
  }
  return normal;
}

SquareMatrix Part(const SquareMatrix& whole, std::span<const size_t> columns) {
  SquareMatrix part(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    for (size_t j = 0; j < columns.size(); ++j) part.at(i, j) = whole.at(columns[i], columns[j]);
  }
  return part;
}

// Standard errors of the columns above 0, from the inverse of their part of the normal matrix.
void FillErrors(const SquareMatrix& ridged, const Normal& normal, Fit& fit) {
  std::vector<size_t> active;
  for (size_t c = 0; c < fit.bytes.size(); ++c) {
    if (fit.bytes[c] > 0) active.push_back(c);
  }
  fit.terms = active.size();
  const auto inverse = Inverse(Part(ridged, active));
  const size_t dof = normal.rows > fit.terms ? normal.rows - fit.terms : 1;
  const double variance = fit.residue / static_cast<double>(dof);
  for (size_t i = 0; inverse && i < active.size(); ++i) {
    fit.error[active[i]] = std::sqrt(variance * inverse->at(i, i)) / normal.scale[active[i]];
  }
}

// The model of `columns`.
Fit Solve(const Normal& normal, std::span<const size_t> columns) {
  const size_t n = normal.right.size();
  SquareMatrix ridged = normal.a;
  for (size_t i = 0; i < n; ++i) ridged.at(i, i) += kRidge;
  std::vector<double> right;
  for (const size_t c : columns) right.push_back(normal.right[c]);
  const auto scaled = SolveNonNegative(Part(ridged, columns), right);
  Fit fit;
  fit.bytes.assign(n, 0.0);
  fit.error.assign(n, 0.0);
  fit.residue = normal.yy;
  for (size_t i = 0; i < columns.size(); ++i) {
    fit.bytes[columns[i]] = scaled[i] / normal.scale[columns[i]];
    fit.residue -= 2 * scaled[i] * right[i];
    for (size_t j = 0; j < columns.size(); ++j) {
      fit.residue += scaled[i] * scaled[j] * normal.a.at(columns[i], columns[j]);
    }
  }
  fit.residue = std::max(fit.residue, kLeastResidue * normal.yy);
  FillErrors(ridged, normal, fit);
  return fit;
}

std::vector<size_t> AllColumns(size_t n) {
  std::vector<size_t> all(n);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Every route alone, every pair of the best kPaired of them, and all together.
std::vector<Fit> SolveModels(const Normal& normal) {
  std::vector<Fit> models;
  std::vector<size_t> order = AllColumns(normal.right.size());
  for (const size_t c : order) models.push_back(Solve(normal, {&c, 1}));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return models[a].residue < models[b].residue; });
  const size_t paired = std::min(kPaired, order.size());
  for (size_t i = 0; i < paired; ++i) {
    for (size_t j = i + 1; j < paired; ++j) {
      const size_t pair[] = {order[i], order[j]};
      models.push_back(Solve(normal, pair));
    }
  }
  if (normal.right.size() > 2) models.push_back(Solve(normal, AllColumns(normal.right.size())));
  return models;
}

// Averages the models by their evidence, exp(-BIC / 2) with BIC = n ln(residue) + terms ln n
// (Raftery 1995): one cause is preferred until the data show more, and routes that cannot be told
// apart share.
Fit Average(const std::vector<Fit>& models, size_t rows) {
  const double n = static_cast<double>(rows);
  const auto bic = [&](const Fit& fit) {
    return n * std::log(fit.residue) + static_cast<double>(fit.terms) * std::log(n);
  };
  double least = std::numeric_limits<double>::infinity();
  for (const Fit& fit : models) least = std::min(least, bic(fit));
  Fit mean = models[0];
  std::fill(mean.bytes.begin(), mean.bytes.end(), 0.0);
  std::vector<double> squares(mean.bytes.size(), 0.0);
  double weights = 0;
  for (const Fit& fit : models) {
    const double weight = std::exp(-0.5 * (bic(fit) - least));
    weights += weight;
    for (size_t c = 0; c < fit.bytes.size(); ++c) {
      mean.bytes[c] += weight * fit.bytes[c];
      squares[c] += weight * (fit.error[c] * fit.error[c] + fit.bytes[c] * fit.bytes[c]);
    }
  }
  for (size_t c = 0; c < mean.bytes.size(); ++c) {
    mean.bytes[c] /= weights;
    const double variance = squares[c] / weights - mean.bytes[c] * mean.bytes[c];
    mean.error[c] = std::sqrt(std::max(0.0, variance));
  }
  return mean;
}

// theta of residuals e_i - theta e_(i-1), from their correlation at distance 1, r = -theta / (1 +
// theta^2).
double MovingAverage(const Rows& rows, std::span<const double> residuals) {
  double lagged = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (!rows.starts_instance(i)) lagged += residuals[i] * residuals[i - 1];
  }
  const double squares = SumOfSquares(residuals);
  const double r = squares > 0 ? lagged / squares : 0;
  if (r >= 0) return 0;
  if (r <= -0.5) return kMaxMovingAverage;
  return std::min(kMaxMovingAverage, (1 - std::sqrt(1 - 4 * r * r)) / (-2 * r));
}

double VariationAroundMean(std::span<const double> values) {
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum;
}

struct BestFit {
  Fit fit;
  double lag = 0, r_squared = 0;
};

// Plain fits of all routes choose the likeliest lag and show the moving average; then the models of
// all lags are averaged, since a few intervals cannot settle the lag.
BestFit FitOverLags(const Rows& rows, HeapView view) {
  const std::span<const double> lags(kLags.data(), view == HeapView::kLive ? 1 : kLags.size());
  BestFit best;
  std::optional<Fit> plain;
  for (const double lag : lags) {
    Fit fit = Solve(MakeNormal(Shifted(rows, lag)), AllColumns(rows.columns()));
    if (!plain || fit.residue < plain->residue) {
      plain = std::move(fit);
      best.lag = lag;
    }
  }
  const Rows likeliest = Shifted(rows, best.lag);
  const double theta =
      view == HeapView::kLive ? 0 : MovingAverage(likeliest, Residuals(likeliest, plain->bytes));
  std::vector<Fit> models;
  for (const double lag : lags) {
    auto some = SolveModels(MakeNormal(Whitened(Shifted(rows, lag), theta)));
    models.insert(models.end(), some.begin(), some.end());
  }
  best.fit = Average(models, rows.size());
  const double variation = VariationAroundMean(rows.growth);
  best.r_squared = variation > 0 ? std::clamp(1 - plain->residue / variation, 0.0, 1.0) : 0;
  return best;
}

}  // namespace

RouteAttribution AttributeGrowth(std::span<const std::string> routes,
                                 std::span<const RouteInterval> intervals, HeapView view) {
  if (intervals.size() > kMaxIntervals) intervals = intervals.last(kMaxIntervals);
  std::vector<const RouteInterval*> usable;
  for (const RouteInterval& interval : intervals) {
    if (IsUsable(interval, routes.size())) usable.push_back(&interval);
  }
  RouteAttribution answer;
  answer.intervals = usable.size();
  const auto order = BusiestRoutes(usable, routes.size());
  if (usable.size() < kMinIntervals || order.empty()) return answer;
  const Rows rows = MakeRows(usable, order);
  const BestFit best = FitOverLags(rows, view);
  answer.lag = best.lag;
  answer.r_squared = best.r_squared;
  double attributed = 0;
  for (size_t c = 0; c < rows.columns(); ++c) {
    RouteGrowth growth;
    growth.route = c < kMaxRoutes ? routes[order[c]] : std::string(kOtherRoutes);
    growth.bytes_per_request = best.fit.bytes[c];
    growth.standard_error = best.fit.error[c];
    for (const auto& counts : rows.requests) growth.requests += counts[c];
    growth.growth_share = growth.bytes_per_request * growth.requests;
    attributed += growth.growth_share;
    answer.routes.push_back(std::move(growth));
  }
  for (RouteGrowth& growth : answer.routes) {
    growth.growth_share = attributed > 0 ? growth.growth_share / attributed : 0;
  }
  std::stable_sort(
      answer.routes.begin(), answer.routes.end(),
      [](const RouteGrowth& a, const RouteGrowth& b) { return a.growth_share > b.growth_share; });
  return answer;
}

}  // namespace tidemark
