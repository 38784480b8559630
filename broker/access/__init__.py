"""What a caller may do and see: the policy, and views of the stores that show nothing else. (docs/access.md)"""
