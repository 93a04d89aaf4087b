//! Measurements of the voxora crates; one bench file per subject, results in `RESULTS.md`.

#![forbid(unsafe_code)]
