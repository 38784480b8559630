"""Services for residents that join the platform over its public interfaces. (DESIGN 4)"""
