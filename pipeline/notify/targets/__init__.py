"""The services that alerts are delivered to, behind one contract."""
