from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health():
    return {"status": "healthy"}


@app.get("/")
def hello(name: str = "world"):
    return {"hello": name}
