//! What the suites share: workloads, models and faults.
