// A peer as a server: requests and answers are lines of JSON, as peers/serve.py describes them.
#pragma once

#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

// Numbers of one result by name; compared with reference numbers and with the other systems.
typedef std::vector<std::pair<std::string, double>> Check;

inline double norm(const std::vector<double> &entries) {
    double sum = 0.0;
    for (double x : entries) sum += x * x;
    return std::sqrt(sum);
}

inline Check check_of_gradient(double value, const std::vector<double> &gradient) {
    return {{"loss", value}, {"gradient_norm", norm(gradient)}};
}

inline Check check_of_product(const std::vector<double> &direction, const std::vector<double> &product) {
    double curvature = 0.0;
    for (std::size_t i = 0; i < product.size(); i++) curvature += direction[i] * product[i];
    return {{"product_norm", norm(product)}, {"curvature", curvature}};
}

inline Check check_of_coefficient(double coefficient) {
    return {{"coefficient_norm", std::fabs(coefficient)}, {"coefficient_sum", coefficient}};
}

// The order of the operator `taylor10` and its like; 0 if it is another. They belong to the workloads T3a and T3b.
inline std::size_t taylor_order(const std::string &op) {
    return op.compare(0, 6, "taylor") == 0 && op.size() > 6 && std::isdigit(op[6]) ? std::stoul(op.substr(6)) : 0;
}

// One way to compute an operator: `call` computes, `check` digests what the last call computed.
struct Way {
    std::string name;
    std::function<void()> call;
    std::function<Check()> check;
};

// The operators of a workload at its point. `ways` is empty where the system has not the operator.
struct Workload {
    virtual ~Workload() {}
    virtual std::vector<Way> ways(const std::string &op) = 0;
};

// Seconds a call, for each sample.
inline std::vector<double> measure(const std::function<void()> &call, long warm_up, long calls, long samples) {
    typedef std::chrono::steady_clock Clock;
    for (long i = 0; i < warm_up; i++) call();
    std::vector<double> seconds;
    for (long i = 0; i < samples; i++) {
        Clock::time_point start = Clock::now();
        for (long j = 0; j < calls; j++) call();
        seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count() / double(calls));
    }
    return seconds;
}

// The way whose fastest of three calls is the fastest.
inline Way fastest(const std::vector<Way> &ways) {
    std::size_t best = 0;
    double least = HUGE_VAL;
    for (std::size_t i = 0; ways.size() > 1 && i < ways.size(); i++) {
        for (double time : measure(ways[i].call, 1, 1, 3)) {
            if (time < least) {
                least = time;
                best = i;
            }
        }
    }
    return ways[best];
}

// What stands after `"key":` in a flat object of strings and whole numbers without escapes, which requests are.
inline std::string field(const std::string &line, const std::string &key) {
    std::size_t at = line.find("\"" + key + "\"");
    if (at == std::string::npos) throw std::runtime_error("no " + key + " in the request");
    at = line.find_first_not_of(" :", at + key.size() + 2);
    std::size_t end = line[at] == '"' ? line.find('"', ++at) : line.find_first_of(",} ", at);
    return line.substr(at, end - at);
}

inline std::string number(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", x);
    // JSON has no NaN and no infinity.
    return std::isfinite(x) ? text : "null";
}

class Server {
  public:
    // `load` makes a workload, or returns null where the system has it not.
    typedef std::function<std::unique_ptr<Workload>(const std::string &)> Load;

    Server(std::string name, std::string version, Load load) : name(name), version(version), load(load) {
        // What libraries print must not mix with answers.
        output = dup(1);
        fcntl(output, F_SETFD, FD_CLOEXEC);
        answers = fdopen(output, "w");
        dup2(2, 1);
    }

    // Every workload after the first gets a fresh process, which begins with the request `argument`, if there is one.
    void run_one_workload_a_process(const char *argument) {
        again = true;
        if (argument) answer_line(argument);
        run();
    }

    void run() {
        std::string line;
        while (std::getline(std::cin, line)) answer_line(line);
    }

  private:
    void answer_line(const std::string &line) {
        std::string answer;
        try {
            answer = this->answer(line);
        } catch (const std::exception &error) {
            std::string message = error.what();
            for (char &c : message) {
                if (c == '"' || c == '\\' || c < ' ') c = ' ';
            }
            answer = "{\"error\": \"" + message + "\"}";
        }
        std::fprintf(answers, "%s\n", answer.c_str());
        std::fflush(answers);
    }

    // Puts a new process in the place of this one, with the same pipes. No request is lost: the other side waits for an answer.
    [[noreturn]] void renew(const std::string &line) {
        dup2(output, 1);
        execl("/proc/self/exe", name.c_str(), line.c_str(), static_cast<char *>(nullptr));
        throw std::runtime_error("the process cannot be started anew");
    }

    std::string answer(const std::string &line) {
        const std::string unsupported = "{\"unsupported\": true}", request = field(line, "do");
        if (request == "hello") return "{\"peer\": \"" + name + "\", \"version\": \"" + version + "\"}";
        if (request == "load") {
            way = Way();
            workload.reset();
            if (field(line, "form") != "scalar" || field(line, "dtype") != "f64") return unsupported;
            if (used && again) renew(line);
            used = true;
            workload = load(field(line, "workload"));
            return workload ? "{}" : unsupported;
        }
        if (request == "prepare") {
            way = Way();
            std::vector<Way> ways = workload ? workload->ways(field(line, "op")) : std::vector<Way>();
            if (ways.empty()) return unsupported;
            way = fastest(ways);
            way.call();
            std::string check;
            for (const auto &entry : way.check()) {
                check += (check.empty() ? "\"" : ", \"") + entry.first + "\": " + number(entry.second);
            }
            return "{\"variant\": \"" + way.name + "\", \"check\": {" + check + "}}";
        }
        if (request == "time") {
            if (!way.call) throw std::runtime_error("nothing is prepared");
            auto count = [&](const char *key) { return std::stol(field(line, key)); };
            std::string times;
            for (double time : measure(way.call, count("warm_up"), count("calls"), count("samples"))) {
                times += (times.empty() ? "" : ", ") + number(time);
            }
            return "{\"seconds\": [" + times + "]}";
        }
        throw std::runtime_error("no request " + request);
    }

    std::string name, version;
    Load load;
    int output;
    std::FILE *answers;
    bool again = false, used = false;
    std::unique_ptr<Workload> workload;
    Way way;
};
