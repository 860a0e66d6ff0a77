"""What the Python tests share: projects with their own warehouse, dbt in process, PostgreSQL."""
