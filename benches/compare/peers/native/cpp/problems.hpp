// The workloads in plain loops over any number type: the functions, points and bits of data of crates/testkit, whose
// documentation defines everything here.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

// U(stream, i), in [0, 1): integer arithmetic, the same bits in every language.
inline double uniform(std::uint64_t stream, std::uint64_t i) {
    std::uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u + (stream + 1) * 0xD1B54A32D192ED03u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z = z ^ (z >> 31);
    return std::ldexp(double(z >> 11), -53);
}

// S(stream, i) = 2 U − 1, in [−1, 1).
inline double symmetric(std::uint64_t stream, std::uint64_t i) { return 2.0 * uniform(stream, i) - 1.0; }

// An array of n entries by number.
template <class Entry> std::vector<double> filled(std::size_t n, Entry entry) {
    std::vector<double> entries(n);
    for (std::size_t i = 0; i < n; i++) entries[i] = entry(i);
    return entries;
}

inline std::vector<double> direction(std::size_t n) {
    return filled(n, [](std::size_t i) { return symmetric(99, i); });
}

// The direction of Taylor coefficients: cos(0.3 i + 0.1), or 1 for a single variable.
inline std::vector<double> line(std::size_t n) {
    if (n == 1) return {1.0};
    return filled(n, [](std::size_t i) { return std::cos(0.3 * double(i) + 0.1); });
}

// φ(i) = sin(0.7 i + 0.3).
inline double phi(std::size_t i) { return std::sin(0.7 * double(i) + 0.3); }

// S1, S1b: Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)².
struct Rosenbrock {
    std::size_t n;

    std::vector<double> point() const {
        return filled(n, [](std::size_t i) { return i % 2 ? 1.0 : -1.2; });
    }

    template <class S> S operator()(const S *x) const {
        S sum = 0.0;
        for (std::size_t i = 0; i + 1 < n; i++) {
            S a = x[i + 1] - x[i] * x[i], b = x[i] - 1.0;
            sum += a * a * 100.0 + b * b;
        }
        return sum;
    }
};

// ln Σ eˣ; the largest entry, found by comparisons, is subtracted first.
template <class S> S log_sum_exp(const S *x, std::size_t n) {
    using std::exp;
    using std::log;
    S largest = x[0], sum = 0.0;
    for (std::size_t i = 1; i < n; i++) {
        if (x[i] > largest) largest = x[i];
    }
    for (std::size_t i = 0; i < n; i++) sum += exp(x[i] - largest);
    return log(sum) + largest;
}

// S2: log-likelihood of 1000 samples under a mixture of k Gaussians in d dimensions. Parameters α [k], μ [k, d],
// L [k, d (d + 1) / 2]: logarithms of the diagonal of a lower triangular matrix, then its strict lower part by columns.
struct Mixture {
    static const std::size_t d = 10, k = 25, n = 1000, triangle = d * (d + 1) / 2;
    std::vector<double> data = filled(n * d, [](std::size_t i) { return symmetric(1, i); });

    std::vector<double> point() const {
        return filled(k * (1 + d + triangle), [](std::size_t i) { return symmetric(2, i); });
    }

    template <class S> S operator()(const S *theta) const {
        using std::exp;
        const S *alpha = theta, *mu = theta + k, *l = mu + k * d;
        std::vector<S> diagonals(k * d), logs(k), terms(k), centred(d);
        for (std::size_t c = 0; c < k; c++) {
            logs[c] = 0.0;
            for (std::size_t j = 0; j < d; j++) {
                diagonals[c * d + j] = exp(l[c * triangle + j]);
                logs[c] += l[c * triangle + j];
            }
        }
        S f = log_sum_exp(alpha, k) * -double(n);
        for (std::size_t i = 0; i < n; i++) {
            for (std::size_t c = 0; c < k; c++) {
                for (std::size_t j = 0; j < d; j++) centred[j] = data[i * d + j] - mu[c * d + j];
                const S *lower = l + c * triangle + d;
                S square = 0.0;
                for (std::size_t row = 0; row < d; row++) {
                    S y = diagonals[c * d + row] * centred[row];
                    for (std::size_t column = 0; column < row; column++) {
                        // Columns before this one hold d − 1, d − 2, … entries.
                        std::size_t before = column * (2 * d - column - 1) / 2;
                        y += lower[before + row - column - 1] * centred[column];
                    }
                    square += y * y;
                }
                terms[c] = alpha[c] + logs[c] - square * 0.5;
            }
            f += log_sum_exp(terms.data(), k);
        }
        for (std::size_t c = 0; c < k; c++) {
            for (std::size_t j = 0; j < d; j++) f += diagonals[c * d + j] * diagonals[c * d + j] * 0.5;
            for (std::size_t j = d; j < triangle; j++) f += l[c * triangle + j] * l[c * triangle + j] * 0.5;
        }
        return f - constant();
    }

    // n d/2 · ln 2π + k C with C = −m d/2 · ln 2 − ln Γ_d(m/2), m = d + 1.
    static double constant() {
        const double pi = std::acos(-1.0), m = d + 1.0;
        double ln_gamma_d = d * (d - 1.0) / 4.0 * std::log(pi);
        for (std::size_t j = 1; j <= d; j++) ln_gamma_d += std::lgamma(m / 2.0 + (1.0 - double(j)) / 2.0);
        return n * double(d) / 2.0 * std::log(2.0 * pi) + k * (-0.5 * m * d * std::log(2.0) - ln_gamma_d);
    }
};

// S3: Helmholtz's free energy of a mixture of n substances.
struct Energy {
    static const std::size_t n = 200;
    std::vector<double> b = filled(n, [](std::size_t i) { return 0.5 * (1.0 + uniform(3, i)) / n; });
    std::vector<double> a = filled(n * n, [](std::size_t q) {
        std::size_t i = q / n, j = q % n;
        return uniform(4, i < j ? i * n + j : j * n + i);
    });

    std::vector<double> point() const {
        return filled(n, [](std::size_t i) { return 0.1 + 0.5 * uniform(2, i); });
    }

    template <class S> S operator()(const S *x) const {
        using std::log;
        const double root = std::sqrt(2.0);
        S volume = 0.0, entropy = 0.0, attraction = 0.0;
        for (std::size_t i = 0; i < n; i++) volume += x[i] * b[i];
        S free = 1.0 - volume;
        for (std::size_t i = 0; i < n; i++) entropy += x[i] * log(x[i] / free);
        for (std::size_t i = 0; i < n; i++) {
            S row = 0.0;
            for (std::size_t j = 0; j < n; j++) row += x[j] * a[i * n + j];
            attraction += x[i] * row;
        }
        S ratio = (volume * (1.0 + root) + 1.0) / (volume * (1.0 - root) + 1.0);
        return entropy - attraction / (volume * std::sqrt(8.0)) * log(ratio);
    }
};

// S4: reprojection errors of bundle adjustment, a function of 15 variables for each of 10 000 observations. All Jacobians are
// asked for, of a tape of one observation; where it was seen is a parameter of the tape.
struct Adjustment {
    static const std::size_t inputs = 15, observations = 10000;

    static std::vector<double> observation(std::size_t o) {
        std::vector<double> p = filled(inputs, [o](std::size_t j) { return 0.1 * phi(inputs * o + j); });
        p[5] -= 5.0;
        p[6] += 1.0;
        p[14] += 1.0;
        for (std::size_t j = 11; j < 14; j++) p[j] *= 5.0;
        return p;
    }

    static std::vector<double> feature(std::size_t o) {
        return {0.1 * std::sin(0.3 * double(o)), 0.1 * std::cos(0.3 * double(o))};
    }

    // What row `k` of the Jacobian of an observation adds to the check.
    static double check(std::size_t k, const double *row) {
        double sum = 0.0;
        for (std::size_t j = 0; j < inputs; j++) sum += row[j] * std::sin(0.11 * double(j) + 0.2);
        return k == 0 ? sum : 2.0 * sum;
    }

    template <class S, class P> static void errors(const S *p, const P &seen_u, const P &seen_v, S *out) {
        using std::cos;
        using std::sin;
        using std::sqrt;
        S x0 = p[11] - p[3], x1 = p[12] - p[4], x2 = p[13] - p[5], y0, y1, y2;
        S square = p[0] * p[0] + p[1] * p[1] + p[2] * p[2];
        if (square > 0.0) {
            S angle = sqrt(square), c = cos(angle), s = sin(angle), inverse = 1.0 / angle;
            S w0 = p[0] * inverse, w1 = p[1] * inverse, w2 = p[2] * inverse;
            S along = (w0 * x0 + w1 * x1 + w2 * x2) * (1.0 - c);
            y0 = x0 * c + (w1 * x2 - w2 * x1) * s + w0 * along;
            y1 = x1 * c + (w2 * x0 - w0 * x2) * s + w1 * along;
            y2 = x2 * c + (w0 * x1 - w1 * x0) * s + w2 * along;
        } else {
            y0 = x0 + p[1] * x2 - p[2] * x1;
            y1 = x1 + p[2] * x0 - p[0] * x2;
            y2 = x2 + p[0] * x1 - p[1] * x0;
        }
        S u = y0 / y2, v = y1 / y2, r = u * u + v * v;
        S distortion = p[9] * r + 1.0 + p[10] * r * r;
        out[0] = (u * distortion * p[6] + p[7] - seen_u) * p[14];
        out[1] = (v * distortion * p[6] + p[8] - seen_v) * p[14];
    }
};

// S5: mean squared error of a network 10-32-32-1 with tanh on 100 samples.
struct Network {
    static const std::size_t samples = 100, inputs = 10, hidden = 32;
    std::vector<double> x = filled(samples * inputs, [](std::size_t q) { return std::sin(1.3 * double(q) + 0.5); });

    std::vector<double> point() const {
        return filled(1441, [](std::size_t i) { return 0.3 * phi(i); });
    }

    template <class S> S operator()(const S *p) const {
        using std::tanh;
        const S *w1 = p, *b1 = w1 + hidden * inputs, *w2 = b1 + hidden, *b2 = w2 + hidden * hidden, *w3 = b2 + hidden;
        const S *b3 = w3 + hidden;
        std::vector<S> first(hidden), second(hidden);
        S sum = 0.0;
        for (std::size_t s = 0; s < samples; s++) {
            for (std::size_t o = 0; o < hidden; o++) {
                S z = b1[o];
                for (std::size_t j = 0; j < inputs; j++) z += w1[o * inputs + j] * x[s * inputs + j];
                first[o] = tanh(z);
            }
            for (std::size_t o = 0; o < hidden; o++) {
                S z = b2[o];
                for (std::size_t j = 0; j < hidden; j++) z += w2[o * hidden + j] * first[j];
                second[o] = tanh(z);
            }
            S y = b3[0];
            for (std::size_t j = 0; j < hidden; j++) y += w3[j] * second[j];
            S residual = y - std::cos(0.9 * double(s));
            sum += residual * residual;
        }
        return sum / double(samples);
    }
};

// S6: Lennard-Jones energy of 100 atoms near a grid of 5 × 5 × 4.
struct Atoms {
    static const std::size_t n = 300;

    std::vector<double> point() const {
        return filled(n, [](std::size_t q) {
            std::size_t atom = q / 3, indices[] = {atom / 20, atom / 4 % 5, atom % 4};
            return 1.2 * double(indices[q % 3]) + 0.05 * phi(q);
        });
    }

    template <class S> S operator()(const S *x) const {
        S sum = 0.0;
        for (std::size_t a = 0; a < n; a += 3) {
            for (std::size_t b = a + 3; b < n; b += 3) {
                S square = 0.0;
                for (std::size_t q = 0; q < 3; q++) {
                    S d = x[a + q] - x[b + q];
                    square += d * d;
                }
                S inverse = 1.0 / square;
                S s = inverse * inverse * inverse;
                sum += (s * s - s) * 4.0;
            }
        }
        return sum;
    }
};

// S7: branches on values. A replayed tape holds at points that take the same branches.
struct Branches {
    static const std::size_t n = 1000;

    std::vector<double> point() const { return filled(n, phi); }

    template <class S> S operator()(const S *x) const {
        using std::exp;
        using std::log;
        using std::sin;
        S sum = 0.0;
        for (std::size_t i = 0; i + 1 < n; i++) {
            S a = x[i] * 1.5;
            if (a > 0.5) {
                sum += a * sin(a);
            } else if (a > -0.3) {
                sum += a * a * a - a * 2.0;
            } else {
                sum += exp(a) / (a * a + 1.0);
            }
            S d = x[i] - x[i + 1];
            if (d > 0.0) {
                sum += d * d;
            } else {
                sum += log(1.0 - d);
            }
        }
        return sum;
    }
};

// T3a: exp(sin x)/(1 + x²).
struct Elementary {
    std::vector<double> point() const { return {0.7}; }

    template <class S> S operator()(const S *x) const {
        using std::exp;
        using std::sin;
        return exp(sin(x[0])) / (x[0] * x[0] + 1.0);
    }
};

// T3b: Σ exp(sin x_i) x_{i+1} / (1 + x_{i+2}²), indices modulo 10.
struct Cycle {
    static const std::size_t n = 10;

    std::vector<double> point() const { return filled(n, phi); }

    template <class S> S operator()(const S *x) const {
        using std::exp;
        using std::sin;
        S sum = 0.0;
        for (std::size_t i = 0; i < n; i++) {
            S last = x[(i + 2) % n];
            sum += exp(sin(x[i])) * x[(i + 1) % n] / (last * last + 1.0);
        }
        return sum;
    }
};

// Calls `use` with the problem of this name and returns what it returns; a default where there is none.
template <class Use> auto with_problem(const std::string &name, Use use) -> decltype(use(Rosenbrock())) {
    if (name == "S1") return use(Rosenbrock{1000});
    if (name == "S1b") return use(Rosenbrock{100000});
    if (name == "S2") return use(Mixture());
    if (name == "S3") return use(Energy());
    if (name == "S5") return use(Network());
    if (name == "S6") return use(Atoms());
    if (name == "S7") return use(Branches());
    if (name == "T3a") return use(Elementary());
    if (name == "T3b") return use(Cycle());
    return {};
}
