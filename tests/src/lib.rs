//! Shared harness of the windlass test suite.

<<<<<<< HEAD
pub mod chance;
pub mod manifests;
=======
pub mod differences;
>>>>>>> 3b5f48c (tests: a corpus of Dockerfiles, held against parse-dockerfile, brush-parser and hadolint; mutations)
pub mod scenario;
pub mod schema;
