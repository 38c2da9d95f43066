// The square root that compilers call where they suspect a negative argument, which libm would report in
// errno; the instruction gives the same value and NaN there.
#if !defined(__linux__)

float sqrtf(float x) { return __builtin_sqrtf(x); }
double sqrt(double x) { return __builtin_sqrt(x); }

#endif
