//! Shared harness of the windlass test suite.
