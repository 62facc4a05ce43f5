"""The page for people: reads the topics into a store of its own, shows what burns, writes nothing but feedback."""
