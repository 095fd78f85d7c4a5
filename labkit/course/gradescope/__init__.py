"""The course as an autograder for Gradescope: the zip to upload, and the two scripts that Gradescope runs in it."""
