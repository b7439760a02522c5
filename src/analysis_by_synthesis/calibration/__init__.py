"""What is fitted to models that are trained: alpha and eta of the softmax (eq. 4), gamma of Binary ABS (section 3)."""
