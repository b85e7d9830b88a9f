/* Where there is no C++. */
int caught(int number) { return number; }
