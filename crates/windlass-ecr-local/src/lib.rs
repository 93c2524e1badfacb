//! windlass-ecr-local.
