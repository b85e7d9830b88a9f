#include <stdexcept>
#include <string>
extern "C" void dep_throw(int number) { throw std::runtime_error(std::to_string(number)); }
