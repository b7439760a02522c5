"""Lower bounds on the robustness of ABS."""
