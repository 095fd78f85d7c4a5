"""What the student version has beyond the course's own notebooks: to open it on Google Colab and in editors."""
