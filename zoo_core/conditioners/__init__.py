"""The two Conditioners that every family needs: labels and vectors."""
