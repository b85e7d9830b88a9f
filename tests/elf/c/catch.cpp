#include <stdexcept>
#include <string>
extern "C" void dep_throw(int);
extern "C" int caught(int number) {
    try {
        dep_throw(number);
    } catch (const std::runtime_error &error) {
        return std::stoi(error.what());
    }
    return 0;
}
