"""The app `polymodal-pack`: raw data into stores."""
