var n=["succeeded","failed","cancelled"];function c(e){return n.includes(e)}export{c as a};
