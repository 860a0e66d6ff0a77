"""What users write with their feedback, told in a few words: language, sentiment, complaints."""
