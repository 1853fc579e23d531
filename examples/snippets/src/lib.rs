//! Small programs that show and time one part of cube-sdk each
