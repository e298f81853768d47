// A shared library that has nothing to do with Tercel.
extern "C" int a_function_of_something_else() { return 1; }
