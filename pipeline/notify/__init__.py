"""Telling the people who must act: from the alerts topic to pagers, chats, phones and mail."""
