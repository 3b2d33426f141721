//! What a settled lot pays and costs, slot by slot.
