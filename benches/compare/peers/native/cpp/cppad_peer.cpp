// CppAD on the workloads in plain loops: tapes recorded by operator overloading, replayed as they are and optimised.

#include <cppad/cppad.hpp>

#include <algorithm>

#include "problems.hpp"
#include "serve.hpp"

typedef CppAD::AD<double> Active;
typedef CppAD::ADFun<double> Tape;

template <class Problem> class Recorded : public Workload {
  public:
    explicit Recorded(Problem problem)
        : problem(problem), x(problem.point()), v(direction(x.size())), gradient(x.size()), product(x.size()) {}

    std::vector<Way> ways(const std::string &op) override {
        auto of_value = [this] { return Check{{"loss", value}}; };
        auto of_gradient = [this] { return check_of_gradient(value, gradient); };
        auto of_product = [this] { return check_of_product(v, product); };
        if (op == "record") {
            auto record = [this] { this->record(); };
            return {{"Independent, ADFun", record, of_value}};
        }
        if (op == "gradient_one_shot") {
            auto once = [this] { gradient = record()->Reverse(1, one); };
            return {{"ADFun, Reverse", once, of_gradient}};
        }
        if (op == "value") return replayed([this](Tape &tape) { value = tape.Forward(0, x)[0]; }, of_value);
        if (op == "gradient") {
            return replayed(
                [this](Tape &tape) {
                    value = tape.Forward(0, x)[0];
                    gradient = tape.Reverse(1, one);
                },
                of_gradient);
        }
        if (op == "hvp") {
            return replayed(
                [this](Tape &tape) {
                    tape.Forward(0, x);
                    tape.Forward(1, v);
                    // For each input the partial of f, then that of ∇f·v.
                    partials = tape.Reverse(2, one);
                    for (std::size_t i = 0; i < product.size(); i++) product[i] = partials[2 * i + 1];
                },
                of_product);
        }
        if (std::size_t order = taylor_order(op)) {
            const std::vector<double> slope = line(x.size());
            std::vector<double> series(x.size() * (order + 1), 0.0);
            for (std::size_t i = 0; i < x.size(); i++) {
                series[i * (order + 1)] = x[i];
                series[i * (order + 1) + 1] = slope[i];
            }
            return replayed([this, series, order](Tape &tape) { value = tape.Forward(order, series)[order]; },
                            [this] { return check_of_coefficient(value); });
        }
        return {};
    }

  private:
    // Records the function; its value is a by-product.
    std::unique_ptr<Tape> record() {
        std::vector<Active> inputs(x.begin(), x.end()), output(1);
        CppAD::Independent(inputs);
        output[0] = problem(inputs.data());
        std::unique_ptr<Tape> tape(new Tape(inputs, output));
        value = CppAD::Value(output[0]);
        return tape;
    }

    template <class Call> std::vector<Way> replayed(Call call, std::function<Check()> check) {
        if (!plain) {
            plain = record();
            optimized = record();
            optimized->optimize();
        }
        return {{"replayed", [this, call] { call(*plain); }, check},
                {"replayed, optimised", [this, call] { call(*optimized); }, check}};
    }

    Problem problem;
    std::vector<double> x, v, gradient, product, partials, one{1.0};
    double value = 0.0;
    std::unique_ptr<Tape> plain, optimized;
};

// The Jacobians of S4, replayed for one observation after the other.
class Adjusted : public Workload {
  public:
    Adjusted() : rows{std::vector<double>(size()), std::vector<double>(size())} {
        for (std::size_t o = 0; o < Adjustment::observations; o++) {
            points.push_back(Adjustment::observation(o));
            features.push_back(Adjustment::feature(o));
        }
        record(plain);
        record(optimized);
        optimized.optimize();
    }

    std::vector<Way> ways(const std::string &op) override {
        if (op != "jacobian") return {};
        auto check = [this] {
            double sum = 0.0;
            for (std::size_t k = 0; k < 2; k++) {
                for (std::size_t i = 0; i < size(); i += Adjustment::inputs) sum += Adjustment::check(k, &rows[k][i]);
            }
            return Check{{"jacobian_check", sum}};
        };
        return {{"replayed", [this] { jacobians(plain); }, check},
                {"replayed, optimised", [this] { jacobians(optimized); }, check}};
    }

  private:
    static std::size_t size() { return Adjustment::inputs * Adjustment::observations; }

    void record(Tape &tape) {
        std::vector<Active> inputs(points[0].begin(), points[0].end()), outputs(2);
        std::vector<Active> seen(features[0].begin(), features[0].end());
        CppAD::Independent(inputs, 0, false, seen);
        Adjustment::errors(inputs.data(), seen[0], seen[1], outputs.data());
        tape.Dependent(inputs, outputs);
    }

    void jacobians(Tape &tape) {
        for (std::size_t o = 0; o < points.size(); o++) {
            tape.new_dynamic(features[o]);
            tape.Forward(0, points[o]);
            for (std::size_t k = 0; k < 2; k++) {
                const std::vector<double> row = tape.Reverse(1, unit[k]);
                std::copy(row.begin(), row.end(), rows[k].begin() + long(o * Adjustment::inputs));
            }
        }
    }

    std::vector<std::vector<double>> points, features, unit{{1.0, 0.0}, {0.0, 1.0}};
    std::vector<double> rows[2];
    Tape plain, optimized;
};

struct Record {
    template <class Problem> std::unique_ptr<Workload> operator()(Problem problem) const {
        return std::unique_ptr<Workload>(new Recorded<Problem>(problem));
    }
};

int main() {
    const std::string version = CPPAD_PACKAGE_STRING;
    Server server("cppad", version.substr(version.find_first_of("0123456789")),
                  [](const std::string &name) -> std::unique_ptr<Workload> {
                      if (name == "S4") return std::unique_ptr<Workload>(new Adjusted());
                      return with_problem(name, Record());
                  });
    server.run();
}
