"""The instructor's tool: from one source a chapter to what students get, and to their marks."""
