// ADOL-C on the workloads in plain loops: tapes recorded by operator overloading, held in memory and replayed.

#include <adolc/adolc.h>

#include <algorithm>

#include "problems.hpp"
#include "serve.hpp"

// The headers do not tell; setup.sh asks the package.
#ifndef ADOLC_VERSION
#define ADOLC_VERSION "?"
#endif

const short TAG = 1;

// Entries of the buffers of a tape; what does not fit goes to files.
struct Buffers {
    std::size_t operations, locations, values, taylor;
};

template <class Problem> class Recorded : public Workload {
  public:
    explicit Recorded(Problem problem)
        : problem(problem), x(problem.point()), v(direction(x.size())), gradient(x.size()), product(x.size()) {
        // A first tape tells how large the buffers must be, which are never smaller than the library's own.
        const std::size_t least = 524288, first = std::size_t(1) << 25;
        record({first, first, first, first});
        std::size_t counts[STAT_SIZE];
        tapestats(TAG, counts);
        auto size = [&](int entry, double room) { return std::max(least, std::size_t(double(counts[entry]) * room)); };
        // Second derivatives keep two coefficients a value.
        buffers = {size(NUM_OPERATIONS, 1.2), size(NUM_LOCATIONS, 1.2), size(NUM_VALUES, 1.2),
                   size(TAY_STACK_SIZE, 2.3)};
        record(buffers);
    }

    std::vector<Way> ways(const std::string &op) override {
        const int n = int(x.size());
        auto of_value = [this] { return Check{{"loss", value}}; };
        auto of_gradient = [this] { return check_of_gradient(value, gradient); };
        auto of_product = [this] { return check_of_product(v, product); };
        if (op == "record") {
            return {{"trace_on, trace_off", [this] { record(buffers); }, of_value}};
        }
        if (op == "gradient_one_shot") {
            auto once = [this, n] {
                record(buffers);
                fos_reverse(TAG, 1, n, &one, gradient.data());
            };
            return {{"trace, fos_reverse", once, of_gradient}};
        }
        if (op == "value") {
            return {{"zos_forward", [this, n] { zos_forward(TAG, 1, n, 0, x.data(), &value); }, of_value}};
        }
        if (op == "gradient") {
            auto replay = [this, n] {
                zos_forward(TAG, 1, n, 1, x.data(), &value);
                fos_reverse(TAG, 1, n, &one, gradient.data());
            };
            return {{"zos_forward, fos_reverse", replay, of_gradient}};
        }
        if (op == "hvp") {
            auto replay = [this, n] { hess_vec(TAG, n, x.data(), v.data(), product.data()); };
            return {{"hess_vec", replay, of_product}};
        }
        if (std::size_t order = taylor_order(op)) {
            const std::vector<double> slope = line(x.size());
            std::vector<double> series(x.size() * order, 0.0), result(order);
            for (std::size_t i = 0; i < x.size(); i++) series[i * order] = slope[i];
            auto replay = [this, n, order, series, result]() mutable {
                std::vector<double *> rows(x.size());
                for (std::size_t i = 0; i < rows.size(); i++) rows[i] = &series[i * order];
                double *of_result = result.data(), at_zero;
                hos_forward(TAG, 1, n, int(order), 0, x.data(), rows.data(), &at_zero, &of_result);
                value = result[order - 1];
            };
            return {{"hos_forward", replay, [this] { return check_of_coefficient(value); }}};
        }
        return {};
    }

  private:
    // Records the function with what a reverse sweep needs; its value is a by-product.
    void record(const Buffers &b) {
        trace_on(TAG, 1, uint(b.operations), uint(b.locations), uint(b.values), uint(b.taylor), 1);
        {
            std::unique_ptr<adouble[]> inputs(new adouble[x.size()]);
            for (std::size_t i = 0; i < x.size(); i++) inputs[i] <<= x[i];
            adouble output = problem(inputs.get());
            output >>= value;
        }
        trace_off();
    }

    Problem problem;
    std::vector<double> x, v, gradient, product;
    double value = 0.0, one = 1.0;
    Buffers buffers;
};

// The Jacobians of S4, replayed for one observation after the other.
class Adjusted : public Workload {
  public:
    Adjusted() : rows(2 * Adjustment::inputs * Adjustment::observations) {
        for (std::size_t o = 0; o < Adjustment::observations; o++) {
            points.push_back(Adjustment::observation(o));
            features.push_back(Adjustment::feature(o));
        }
        trace_on(TAG, 1);
        {
            adouble inputs[Adjustment::inputs], outputs[2];
            for (std::size_t j = 0; j < Adjustment::inputs; j++) inputs[j] <<= points[0][j];
            const pdouble u = mkparam(features[0][0]), v = mkparam(features[0][1]);
            Adjustment::errors(inputs, u, v, outputs);
            double values[2];
            outputs[0] >>= values[0];
            outputs[1] >>= values[1];
        }
        trace_off();
    }

    std::vector<Way> ways(const std::string &op) override {
        if (op != "jacobian") return {};
        auto check = [this] {
            double sum = 0.0;
            for (std::size_t row = 0; row < 2 * Adjustment::observations; row++) {
                sum += Adjustment::check(row % 2, &rows[row * Adjustment::inputs]);
            }
            return Check{{"jacobian_check", sum}};
        };
        return {{"zos_forward, fov_reverse", [this] { jacobians(); }, check}};
    }

  private:
    void jacobians() {
        const int n = int(Adjustment::inputs);
        double first[] = {1.0, 0.0}, second[] = {0.0, 1.0}, *units[] = {first, second}, values[2];
        for (std::size_t o = 0; o < points.size(); o++) {
            double *pair[] = {&rows[2 * o * Adjustment::inputs], &rows[(2 * o + 1) * Adjustment::inputs]};
            set_param_vec(TAG, 2, features[o].data());
            zos_forward(TAG, 2, n, 1, points[o].data(), values);
            fov_reverse(TAG, 2, n, 2, units, pair);
        }
    }

    std::vector<std::vector<double>> points, features;
    std::vector<double> rows;
};

struct Record {
    template <class Problem> std::unique_ptr<Workload> operator()(Problem problem) const {
        return std::unique_ptr<Workload>(new Recorded<Problem>(problem));
    }
};

int main(int count, char **arguments) {
    Server server("adolc", ADOLC_VERSION, [](const std::string &name) -> std::unique_ptr<Workload> {
        if (name == "S4") return std::unique_ptr<Workload>(new Adjusted());
        return with_problem(name, Record());
    });
    // Sweeps are sized by the highest location that was ever live in the process, so workloads must not share one.
    server.run_one_workload_a_process(count > 1 ? arguments[1] : nullptr);
}
